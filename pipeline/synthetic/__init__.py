"""Pages with known truth: digits and other marks, laid out on paper and photographed."""
