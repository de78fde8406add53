//! `--dry-run`.
use crate::core::plan::Plan;
/// text
pub fn text(_plan: &Plan) -> String {
    String::new()
}
/// json
pub fn json(_plan: &Plan) -> String {
    String::new()
}
