"""A schema made safe and ready, and what is wrong with an instance."""
