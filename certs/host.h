/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a command line that end in certificates, files and lists: they are checked at the door. */
#pragma once

#include <stdbool.h>

#define HOST_MAX 256 /* with its NUL */

enum host_kind { HOST_NONE, HOST_DNS, HOST_IP };

/* A DNS name or an IPv4 or IPv6 address, without port, brackets, zone or wildcard; a name that ends in a number would have
 * to be an address. */
enum host_kind host_kind(const char *host);
bool host_is_one(const char *host);
/* In lower case: as it is recorded. False: it is none. */
bool host_take(const char *text, char ret[static HOST_MAX]);

/* Whether it may name a node or a client. */
bool name_is_one(const char *name);
/* Whether its topic has a meaning of its own: no node's and no client's. */
bool name_is_reserved(const char *name);
/* mqtts://HOST[:PORT], an IPv6 address in brackets. */
bool broker_url_is_one(const char *url);
/* The URL by which nodes reach a broker of that name, on the usual port. */
#define BROKER_URL_MAX 320
void broker_url_of(const char *host, char ret[static BROKER_URL_MAX]);
