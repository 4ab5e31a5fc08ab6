//! Holds the secrets and answers 'who signed this?'; keeps each chunk chain.
