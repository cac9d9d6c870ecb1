/* SPDX-License-Identifier: MIT */
#pragma once

#include "traction/intake.h"
