/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list of the tests' own, out of date if they like. */
#pragma once

/* `issuer` and `revoked` are paths without suffix; revoked NULL: nobody. The list ends until_s from now. */
void crl_make(const char *path, const char *issuer, const char *revoked, long until_s);
/* The same, good for a day, with a CRL number. */
void crl_make_numbered(const char *path, const char *issuer, const char *revoked, long number);
