//! Query strings of links: keep what is there, replace one thing.
//!
//! It does not read queries into types; axum's `Query` does.

use std::fmt;

/// A path with its query parameters, in order. It prints as a link target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryString {
    path: String,
    parameters: Vec<(String, String)>,
}

impl QueryString {
    /// A path without parameters.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), parameters: Vec::new() }
    }

    /// Sets a parameter, in the place of the one it replaces; an empty value removes it.
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        let value = value.to_string();
        if value.is_empty() {
            return self.without(name);
        }
        match self.parameters.iter_mut().find(|(key, _)| key == name) {
            Some(parameter) => parameter.1 = value,
            None => self.parameters.push((name.to_owned(), value)),
        }
        self
    }

    /// Removes a parameter.
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(key, _)| key != name);
        self
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The parameters as name and value, not yet encoded.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }
}

impl fmt::Display for QueryString {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        for (position, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if position == 0 { '?' } else { '&' };
            write!(formatter, "{separator}{}={}", percent_encode(name), percent_encode(value))?;
        }
        Ok(())
    }
}

/// Encodes all but the unreserved characters of RFC 3986, so the text is one query value or path segment.
pub fn percent_encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_kept_replaced_and_encoded() {
        let query = QueryString::new("/history/views").with("year", 2024).with("channel", "a&b=c d").with("page", 3);
        assert_eq!(query.to_string(), "/history/views?year=2024&channel=a%26b%3Dc%20d&page=3");
        assert_eq!(
            query.clone().with("year", 2023).without("page").to_string(),
            "/history/views?year=2023&channel=a%26b%3Dc%20d"
        );
        assert_eq!(query.with("year", "").with("channel", "").with("page", "").to_string(), "/history/views");
    }
}
