"""How suites are read: one module for each form, and what they share."""
