/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin. */
extern int nothing;
__attribute__((visibility("default"))) int nothing = 1;
