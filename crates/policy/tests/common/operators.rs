//! The operators that come in kinds, without Bool, BinaryEquals and Null. Source: IAM user guide, "IAM JSON
//! policy elements: Condition operators".

pub(crate) const TEXT_OPERATORS: [&str; 6] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
];
pub(crate) const NUMBER_OPERATORS: [&str; 6] = [
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
];
pub(crate) const DATE_OPERATORS: [&str; 6] = [
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
];
pub(crate) const IP_OPERATORS: [&str; 2] = ["IpAddress", "NotIpAddress"];
pub(crate) const ARN_OPERATORS: [&str; 4] = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
