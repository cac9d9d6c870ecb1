/* SPDX-License-Identifier: MIT */
/* The command line: a table of commands, one file each. */
#pragma once

/* Exit status: 0 done, 1 failed, 2 wrong usage. */
int tr_cli_main(int argc, char **argv);
