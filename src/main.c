/* SPDX-License-Identifier: MIT */
/* The program; everything is in the library. */
#include "traction/cli.h"

int main(int argc, char **argv)
{
    return tr_cli_main(argc, argv);
}
