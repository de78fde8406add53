//! Programs that must not compile, and what the compiler says about them.

/// The future borrows `connection` from the closure: "async closure does not implement `FnMut` because it captures
/// state from its environment". [`Retry`](crate::Retry) says what to write instead.
///
/// ```compile_fail
/// use retry_loop::{Policy, Retry as _};
/// async fn ping(count: &mut u32) -> Result<(), String> { *count += 1; Ok(()) }
/// async fn run(mut count: u32) {
///     let _ = (async || ping(&mut count).await)
///         .retry(&Policy::default())
///         .sleep_with(|_| std::future::ready(()))
///         .await;
/// }
/// ```
///
/// With the attempt's number as its argument it compiles:
///
/// ```
/// use retry_loop::{Policy, Retry as _};
/// async fn ping(count: &mut u32) -> Result<(), String> { *count += 1; Ok(()) }
/// async fn run(mut count: u32) {
///     let _ = (async |_| ping(&mut count).await)
///         .retry(&Policy::default())
///         .sleep_with(|_| std::future::ready(()))
///         .call()
///         .await;
/// }
/// ```
pub struct LendsWithoutArgument;

/// "no method named `retry` found for closure": it returns no `Result`.
///
/// ```compile_fail,E0599
/// use retry_loop::{Policy, Retry as _};
/// let _ = (|| 1).retry(&Policy::default()).call();
/// ```
pub struct ReturnsNoResult;

/// "an attempt of this operation cannot be dropped when its time is up", with the advice to set the timeouts of the
/// client.
///
/// ```compile_fail,E0277
/// use retry_loop::{Policy, Retry as _};
/// let _ = (|| Ok::<_, String>(1)).retry(&Policy::default()).timeout(std::time::Duration::from_secs(1)).call();
/// ```
pub struct BlocksWithTimeout;

/// The same for a state, which would be lost.
///
/// ```compile_fail,E0277
/// use retry_loop::{Policy, retry_with_state};
/// let operation = async |state: u32, _attempt| (state, Ok::<_, String>(1));
/// let _ = retry_with_state(&Policy::default(), 1, operation).timeout(std::time::Duration::from_secs(1));
/// ```
pub struct StateWithTimeout;

/// "`Retrying<..., Blocking, ...>` is not a future": it is called.
///
/// ```compile_fail,E0277
/// use retry_loop::{Policy, Retry as _};
/// async fn run() {
///     let _ = (|| Ok::<_, String>(1)).retry(&Policy::default()).await;
/// }
/// ```
pub struct BlocksAndIsAwaited;

/// "`Retrying<..., Lending, ...>` is not a future": it is called, and the call is awaited.
///
/// ```compile_fail,E0277
/// use retry_loop::{Policy, Retry as _};
/// async fn run() {
///     let _ = (async |_| Ok::<_, String>(1)).retry(&Policy::default()).await;
/// }
/// ```
pub struct LendsAndIsAwaited;

/// "this operation returns a future, so it is awaited and not called: write `.await` instead of `.call()`".
///
/// ```compile_fail,E0277
/// use retry_loop::{Policy, Retry as _};
/// async fn get() -> Result<u32, String> { Ok(1) }
/// let _ = get.retry(&Policy::default()).sleep_with(|_| std::future::ready(())).call();
/// ```
pub struct AsyncAndIsCalled;

/// "nothing sleeps between the attempts", with the advice to turn on the feature `tokio` or to use `sleep_with`.
///
/// ```compile_fail,E0277
/// use retry_loop::{NoSleeper, Policy, Retry as _};
/// async fn get() -> Result<u32, String> { Ok(1) }
/// async fn run() {
///     let _ = get.retry(&Policy::default()).sleep_with(NoSleeper).await;
/// }
/// ```
pub struct NothingSleeps;

/// Without a runtime's feature a call is no future until it has a sleeper: "`Retrying<...>` is not a future", and
/// "`NoSleeper: Sleeper`" where it is called.
///
/// ```compile_fail,E0277
/// use retry_loop::{Policy, Retry as _};
/// async fn get() -> Result<u32, String> { Ok(1) }
/// async fn run() {
///     let _ = get.retry(&Policy::default()).await;
/// }
/// ```
///
/// ```compile_fail,E0599
/// use retry_loop::{Policy, Retry as _};
/// async fn run() {
///     let _ = (async |_| Ok::<_, String>(1)).retry(&Policy::default()).call().await;
/// }
/// ```
#[cfg(not(feature = "tokio"))]
pub struct NothingSleepsByDefault;
