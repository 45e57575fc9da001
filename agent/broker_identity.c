/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_identity.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "util/log.h"
#include "util/reserved.h"

#define NODE_NAME_MAX 64

DEFINE_CLEANUP(X509, X509_free);

/* The store's row of a client id that follows from no key. */
#define CLIENT_ID_MARK "client id"

/* A node name of any text: lower case, a dash for what names cannot hold; a host name ends at its first dot. */
static char *make_node_name(const char *text)
{
        char name[NODE_NAME_MAX + 1];
        size_t length = 0;

        for (const char *c = text; *c && *c != '.' && length < NODE_NAME_MAX; c++) {
                char lower = (char)tolower((unsigned char)*c);
                bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '_' ||
                            lower == '-';
                if (fits && (length > 0 || isalnum((unsigned char)lower)))
                        name[length++] = lower;
                else if (length > 0)
                        name[length++] = '-';
        }
        name[length] = '\0';
        return length > 0 ? strdup(name) : strdup("sconce");
}

/* What a cloud calls every certificate is no name of one node; nor, most likely, is anything that cannot be one. */
bool broker_identity_is_doubtful(const char *cn, struct fault *fault)
{
        CLEANUP_FREE char *name = make_node_name(cn);

        if (!name || strcasecmp(cn, name) == 0 || strchr(cn, '.'))
                return false;
        (void)fault_set(fault, -EEXIST,
                        "the node is called %s, after its certificate's name \"%s\": where other nodes' certificates "
                        "have the same one, they use the same topics, and each obeys the commands for all; write name "
                        "= … under [node]",
                        name, cn);
        return true;
}

static char *name_from_certificate(const struct tls_options *options)
{
        CLEANUP_TLS struct tls *tls = NULL;
        struct fault doubt = { 0 };

        /* What is wrong with the files is reported by each attempt to connect. */
        if (!options->cert || tls_new(options, &tls, NULL) < 0 || !tls_certificate_name(tls))
                return NULL;
        if (broker_identity_is_doubtful(tls_certificate_name(tls), &doubt))
                log_warning("%s", doubt.text);
        return make_node_name(tls_certificate_name(tls));
}

static char *find_node_name(const struct settings *settings)
{
        char host[256] = "";

        if (settings->node.name)
                return strdup(settings->node.name);
        char *name = name_from_certificate(&settings->tls);
        if (name)
                return name;
        (void)gethostname(host, sizeof(host) - 1);
        return make_node_name(host);
}

char *broker_identity_likely_node(const struct settings *settings)
{
        char cn[NODE_NAME_MAX + 1];
        const char *path = settings->tls.cert;

        if (settings->node.name)
                return strdup(settings->node.name);
        CLEANUP_FILE FILE *file = path ? fopen(path, "re") : NULL;
        CLEANUP(X509_freep) X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
        ERR_clear_error();
        int length = certificate ? X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, cn,
                                                             sizeof(cn))
                                 : -1;
        return length > 0 ? make_node_name(cn) : NULL;
}

/* Where there is no key, or none that can be read: what was drawn once. */
static int stored_secret(struct store *store, char secret[static CLIENT_ID_SECRET_MAX])
{
        const char *kept = store_get(store, STORE_MARK, "", CLIENT_ID_MARK);

        if (kept && strlen(kept) == CLIENT_ID_SECRET_MAX - 1) {
                memcpy(secret, kept, CLIENT_ID_SECRET_MAX);
                return 0;
        }
        int r = client_id_random(secret);
        return r < 0 ? r : store_put(store, STORE_MARK, "", CLIENT_ID_MARK, secret);
}

static void remember(struct broker_secret *secret, const char *key, const char text[static CLIENT_ID_SECRET_MAX])
{
        broker_secret_done(secret);
        secret->key = strdup(key);
        memcpy(secret->text, text, CLIENT_ID_SECRET_MAX);
}

static int private_secret(const char *key, struct store *store, struct broker_secret *known,
                          char secret[static CLIENT_ID_SECRET_MAX])
{
        if (key && known->key && strcmp(key, known->key) == 0) {
                memcpy(secret, known->text, CLIENT_ID_SECRET_MAX);
                return 0;
        }
        if (!key || client_id_from_key(key, secret) < 0)
                return stored_secret(store, secret);
        remember(known, key, secret);
        return 0;
}

void broker_secret_done(struct broker_secret *secret)
{
        free(secret->key);
        *secret = (struct broker_secret){ 0 };
}

int broker_identity_choose_id(struct broker_identity *identity, const struct settings *settings, struct store *store,
                              struct broker_secret *known)
{
        enum broker_client_id kind = (enum broker_client_id)settings->broker.client_id;
        const char *node = kind == CLIENT_ID_RANDOM ? "" : identity->node;
        char secret[CLIENT_ID_SECRET_MAX] = "", *id = NULL;
        int r = 0;

        if (kind == CLIENT_ID_PRIVATE)
                r = private_secret(settings->tls.key, store, known, secret);
        else if (kind == CLIENT_ID_RANDOM)
                r = client_id_random(secret);
        if (r < 0)
                return r;
        if (asprintf(&id, "sconce-%s%s%s", node, *node && *secret ? "-" : "", secret) < 0)
                return -ENOMEM;
        free(identity->client_id);
        identity->client_id = id;
        return 0;
}

int broker_identity_init(struct broker_identity *identity, const struct settings *settings, struct fault *fault)
{
        *identity = (struct broker_identity){ 0 };
        int r = settings_password(settings, &identity->password, fault);
        if (r < 0)
                return r;
        identity->node = find_node_name(settings);
        if (!identity->node)
                r = fault_set(fault, -ENOMEM, "out of memory");
        else if (word_is_reserved(identity->node, RESERVED_NODE))
                r = fault_set(fault, -EINVAL,
                              "the name \"%s\", which is the certificate's or the host's, is reserved: set [node] name",
                              identity->node);
        if (r < 0)
                broker_identity_done(identity);
        return r;
}

static void free_password(char *password)
{
        if (password)
                explicit_bzero(password, strlen(password));
        free(password);
}

bool broker_identity_has_new_password(const struct broker_identity *identity, const struct settings *settings)
{
        struct fault fault = { 0 };
        char *password = NULL;

        if (settings_password(settings, &password, &fault) < 0) {
                log_warning("%s; the previous version stays in use", fault.text);
                return false;
        }
        bool same = password && identity->password ? strcmp(password, identity->password) == 0
                                                   : password == identity->password;
        free_password(password);
        return !same;
}

bool broker_identity_has_new_name(const struct broker_identity *identity, const struct settings *settings,
                                  const struct tls *tls)
{
        const char *cn = tls && !settings->node.name ? tls_certificate_name(tls) : NULL;
        CLEANUP_FREE char *name = cn ? make_node_name(cn) : NULL;

        /* A reserved one is reported at the next start, and the node stays what it is. */
        return name && !word_is_reserved(name, RESERVED_NODE) && strcmp(name, identity->node) != 0;
}

void broker_identity_done(struct broker_identity *identity)
{
        free(identity->node);
        free(identity->client_id);
        free_password(identity->password);
        *identity = (struct broker_identity){ 0 };
}
