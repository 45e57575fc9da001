/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's errors in words. */
#pragma once

#define TLS_ERROR_MAX 160

/* OpenSSL does not load its texts, 70 kB that most runs never need. Before its first use, for the whole process. */
void tls_error_leave_texts(void);

/* Why `error` happened, or by which command that is found; `error` is none: "unknown error". Returns `text`. */
const char *tls_error_text(unsigned long error, char text[static TLS_ERROR_MAX]);
