# SPDX-License-Identifier: Apache-2.0
"""From the verdict to a tuned model and back."""
