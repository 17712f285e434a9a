# SPDX-License-Identifier: Apache-2.0
"""The product in two minutes: a function measured, judged and fixed, on a model that runs here."""
