// SPDX-License-Identifier: MIT
// What comes first in a table: few observations say little, so they do not lead.

const FEW = 20

/** Shares as if 20 more had gone well: one failure of one request comes after 25 of 267, ten of ten before. */
export const failing = ({ value, n }) => (value == null ? -1 : (value * n) / (n + FEW))

/** Times by length; those of fewer than 20 observations come after all others. */
export function slowest({ value, n }) {
  if (value == null) return -1
  return n < FEW ? 1 - 1 / (1 + value) : 1 + value
}
