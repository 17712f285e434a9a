# SPDX-License-Identifier: Apache-2.0
"""A schema made safe and ready, and what is wrong with an instance."""
