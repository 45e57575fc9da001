/* SPDX-License-Identifier: Apache-2.0 */
/* Why libmosquitto could not connect. */
#pragma once

/* errno after a connect of libmosquitto's that has failed. 2.1 asks the socket that it has closed for its peer, and EBADF is left
 * of the reason: then it is connected to once more. With port 0 `host` is the path of a unix socket. EIO: now it would do. */
int reach_errno(const char *host, int port);
