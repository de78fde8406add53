//! The attribute macro of `retry-loop`, which documents it and exports it as `retry_loop::retry`.

#![warn(missing_docs)]

use proc_macro2::TokenStream;
use quote::quote;
use std::time::Duration;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, Ident, ItemFn, Lit, LitStr, ReturnType, Token};

/// Calls the function's body until it returns `Ok`.
///
/// ```
/// # #[derive(Debug, PartialEq)] struct Error;
/// # impl Error { fn is_transient(&self) -> bool { true } }
/// #[retry_loop::retry(attempts = 3, base = "500ms", when = Error::is_transient)]
/// async fn call_api(path: &str) -> Result<String, Error> {
///     Ok(format!("got {path}"))
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # assert_eq!(call_api("x").await, Ok("got x".to_owned()));
/// # }
/// ```
///
/// The body is run again from its beginning, so it must not use up its arguments: borrow them, or clone what is used
/// up. The function returns the error of the last attempt, so it keeps its type. An `async` function needs the
/// feature `tokio`; any other function sleeps in its thread.
///
/// | argument | value | default |
/// |---|---|---|
/// | `attempts` | a number, the first attempt included | `3` |
/// | `base` | the delay after the first failure, `"500ms"` | `"500ms"` |
/// | `factor` | the growth from failure to failure | `4.0` |
/// | `max_delay` | the cap on the delay, before jitter | `"60s"` |
/// | `jitter` | the longest random time that is added to a delay, `"300ms"`; or `"full"`, `"equal"`, `"none"` | `"300ms"` |
/// | `deadline` | no attempt starts later after the start of the call, `"30s"` | none |
/// | `when` | a function: is this error (`&E`) worth another attempt? | every error is |
/// | `delay_from` | a function: how long does this error (`&E`) ask to wait? | no error asks |
/// | `notify` | a function that is told about each [`Failure`](struct.Failure.html) | none |
#[proc_macro_attribute]
pub fn retry(
    arguments: proc_macro::TokenStream,
    function: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let expanded =
        syn::parse(arguments).and_then(|arguments| expand(&arguments, &syn::parse::<ItemFn>(function)?));
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

/// What stands in the parentheses, as calls of methods.
#[derive(Default)]
struct Arguments {
    policy: TokenStream,
    call: TokenStream,
    names: Vec<String>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            let value: Expr = input.parse()?;
            arguments.take(&name, &value)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

impl Arguments {
    fn take(&mut self, name: &Ident, value: &Expr) -> syn::Result<()> {
        let word = name.to_string();
        if self.names.contains(&word) {
            return Err(Error::new(name.span(), format!("`{word}` is given twice")));
        }
        match word.as_str() {
            "attempts" => {
                let number = match literal(value) {
                    Some(Lit::Int(number)) => number.base10_parse::<u64>()?,
                    _ => return Err(wrong(value, "a number of attempts, the first included, such as 3")),
                };
                if number == 0 {
                    return Err(wrong(value, "at least 1 attempt"));
                }
                self.policy.extend(quote!(.attempts(#number)));
            }
            "factor" => {
                let factor: f64 = match literal(value) {
                    Some(Lit::Int(number)) => number.base10_parse()?,
                    Some(Lit::Float(number)) => number.base10_parse()?,
                    _ => return Err(wrong(value, "a number greater than 0, such as 2.0")),
                };
                if !(factor.is_finite() && factor > 0.0) {
                    return Err(wrong(value, "a number greater than 0, such as 2.0"));
                }
                self.policy.extend(quote!(.factor(#factor)));
            }
            "base" | "max_delay" => {
                let duration = tokens(duration(value)?);
                self.policy.extend(quote!(.#name(#duration)));
            }
            "deadline" => {
                let deadline = duration(value)?;
                if deadline.is_zero() {
                    return Err(wrong(value, "a time greater than 0, such as \"30s\""));
                }
                let deadline = tokens(deadline);
                self.policy.extend(quote!(.deadline(#deadline)));
            }
            "jitter" => {
                let jitter = match text(value)?.value().as_str() {
                    "none" => quote!(None),
                    "full" => quote!(Full),
                    "equal" => quote!(Equal),
                    _ => {
                        let duration = tokens(duration(value)?);
                        quote!(Additive(#duration))
                    }
                };
                self.policy.extend(quote!(.jitter(::retry_loop::Jitter::#jitter)));
            }
            "when" | "delay_from" | "notify" => self.call.extend(quote!(.#name(#value))),
            _ => {
                let known = "attempts, base, factor, max_delay, jitter, deadline, when, delay_from, notify";
                return Err(Error::new(name.span(), format!("unknown argument; known are {known}")));
            }
        }
        self.names.push(word);
        Ok(())
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

fn text(value: &Expr) -> syn::Result<&LitStr> {
    match literal(value) {
        Some(Lit::Str(text)) => Ok(text),
        _ => Err(wrong(value, "a time in quotation marks, such as \"500ms\"")),
    }
}

fn duration(value: &Expr) -> syn::Result<Duration> {
    humantime::parse_duration(&text(value)?.value())
        .map_err(|_| wrong(value, "a time such as \"500ms\" or \"2s\""))
}

fn tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn wrong(value: &Expr, wanted: &str) -> Error {
    Error::new(value.span(), format!("expected {wanted}"))
}

fn expand(arguments: &Arguments, function: &ItemFn) -> syn::Result<TokenStream> {
    let ItemFn { attrs, vis, sig, block } = function;
    let ReturnType::Type(_, result) = &sig.output else {
        return Err(Error::new(sig.span(), "expected a function that returns a `Result`"));
    };
    if let Some(constness) = &sig.constness {
        return Err(Error::new(constness.span(), "a const function cannot be retried"));
    }
    let Arguments { policy, call, .. } = arguments;
    // The steps are taken in place, so that the future borrows no closure and is `Send` where the body is.
    let (attempt, wait, now) = if sig.asyncness.is_some() {
        (
            quote!(async #block.await),
            quote!(::retry_loop::Sleeper::sleep(&::retry_loop::TokioSleeper, __delay).await),
            quote!(::retry_loop::Sleeper::now(&::retry_loop::TokioSleeper)),
        )
    } else {
        (
            quote!((|| -> #result #block)()),
            quote!(::std::thread::sleep(__delay)),
            quote!(::retry_loop::private::std_now()),
        )
    };
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            let __policy = ::retry_loop::Policy::default() #policy;
            let mut __call = ::retry_loop::private::PlainCall::new(&__policy) #call;
            let mut __step = __call.start(#now);
            loop {
                __step = match __step {
                    ::retry_loop::private::Step::Wait(__delay) => {
                        #wait;
                        __call.waited(#now)
                    }
                    ::retry_loop::private::Step::Attempt(_) => {
                        let __result: #result = #attempt;
                        __call.ended(__result.map_err(::retry_loop::AttemptError::Failed), #now)
                    }
                    ::retry_loop::private::Step::Finished(__result) => {
                        return __result.map_err(::retry_loop::private::last_error);
                    }
                };
            }
        }
    })
}
