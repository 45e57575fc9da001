/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of a time to come: nothing but the ABI number can be relied on. */
#include <sconce/plugin.h>

extern const struct sconce_module sconce_module;
__attribute__((visibility("default"))) const struct sconce_module sconce_module = {
        .abi = SCONCE_ABI + 1,
        .size = 1,
};
