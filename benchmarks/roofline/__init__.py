"""The solve in units of what the memory allows: products with the matrix at the machine's bandwidth."""
