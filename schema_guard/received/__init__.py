# SPDX-License-Identifier: Apache-2.0
"""What a guarded function gave or raised, whatever it is, as the reply of a model."""
