/* SPDX-License-Identifier: Apache-2.0 */
/* mine: tests/plugins/bomb.c, on a thread of its own. */
#define BOMB_NAME  "mine"
#define BOMB_FLAGS SCONCE_BLOCKING
#include "bomb.c" // NOLINT
