# SPDX-License-Identifier: Apache-2.0
"""Valid and invalid replies in the forms that models send."""
