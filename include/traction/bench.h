/* SPDX-License-Identifier: MIT */
/*
 * traction bench: a load generator against a running server. It speaks HTTP only and shares
 * nothing with the server but the wire.
 */
#pragma once

/* The command: argv[0] is its name. Exit status: 0 every request was answered as expected, 1 some
 * were not, 2 wrong usage. */
int tr_bench_main(int argc, char **argv);
