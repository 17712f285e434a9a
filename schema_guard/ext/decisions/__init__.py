# SPDX-License-Identifier: Apache-2.0
"""Decision models, which answer typed questions about a text with probabilities, and write no text."""
