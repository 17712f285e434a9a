# SPDX-License-Identifier: Apache-2.0
"""What providers refuse of a schema before a model is asked, in their own words."""
