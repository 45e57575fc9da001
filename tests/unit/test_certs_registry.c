/* SPDX-License-Identifier: Apache-2.0 */
/* certs/registry: what was committed is there, what was not is not, and what is no registry is refused. And certs/acl and
 * certs/rabbitmq, which follow from it. */
#include "certs/registry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>

#include "certs/acl.h"
#include "certs/authority.h"
#include "certs/invitations.h"
#include "certs/rabbitmq.h"
#include "util/cleanup.h"
#include "util/macro.h"

static char dir[] = "/tmp/sconce-registry.XXXXXX";
static char path[64];
static struct registry *registry;

static int open_new(void **state)
{
        (void)state;
        memcpy(strrchr(dir, '.') + 1, "XXXXXX", 6);
        assert_non_null(mkdtemp(dir));
        (void)snprintf(path, sizeof(path), "%s/registry.db", dir);
        assert_int_equal(registry_open(path, true, &registry, NULL), 0);
        return 0;
}

static int drop(void **state)
{
        (void)state;
        registry_close(registry);
        registry = NULL;
        (void)unlink(path);
        return rmdir(dir);
}

static void open_again(void)
{
        registry_close(registry);
        registry = NULL;
        assert_int_equal(registry_open(path, false, &registry, NULL), 0);
}

static void put(const char *text, enum name_kind kind, enum name_rights rights, unsigned generation, const char *word)
{
        CLEANUP(name_done) struct name name = { .kind = kind, .rights = rights, .generation = generation };

        (void)strcpy(name.name, text);
        assert_true(!word || words_add(&name.words, word));
        assert_int_equal(registry_put(registry, &name, NULL), 0);
}

static void put_node(const char *text, unsigned generation, const char *commands)
{
        CLEANUP(name_done) struct name name = { .kind = NAME_NODE, .generation = generation };

        (void)strcpy(name.name, text);
        assert_true(words_split(commands, &name.commands));
        assert_int_equal(registry_put(registry, &name, NULL), 0);
}

static void alter(const char *sql)
{
        sqlite3 *sqlite = NULL;

        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(sqlite);
}

/* Any will do: what is recorded of it, beside its serial, is who signed it. */
static int try_certificate(const char *serial, const char *name)
{
        struct certificate certificate = { .generation = 1, .not_after_s = 4102444800 };
        CLEANUP(bytes_done) struct bytes der = { 0 };
        struct authority authority = { 0 };

        (void)strcpy(certificate.serial, serial);
        (void)strcpy(certificate.name, name);
        assert_int_equal(authority_new(&authority, NULL), 0);
        assert_int_equal(certificate_to_der(authority.certificate, &der, NULL), 0);
        authority_done(&authority);
        return registry_put_certificate(registry, &certificate, der.data, der.size, NULL);
}

static void put_certificate(const char *serial, const char *name)
{
        assert_int_equal(try_certificate(serial, name), 0);
}

static int count_one(void *userdata, const struct certificate *certificate)
{
        *(unsigned *)userdata += certificate->revoked_s != 0;
        return 0;
}

static unsigned count_revoked(void)
{
        unsigned count = 0;

        assert_int_equal(registry_each_certificate(registry, NULL, count_one, &count, NULL), 0);
        return count;
}

/* ---- Opening --------------------------------------------------------------------------------------------------------- */

static void open__new__is_its_owners_alone(void **state)
{
        struct stat status;

        (void)state;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        open_again();
}

static void open__no_registry__is_refused(void **state)
{
        static const char *const contents[] = {
                "", "no database at all, but long enough to be the header of one, which has 100 bytes"
        };
        struct fault fault = { 0 };
        char wanted[160];

        (void)state;
        registry_close(registry);
        registry = NULL;
        (void)snprintf(wanted, sizeof(wanted), "%s is damaged: bring it back from a backup", path);
        for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
                FILE *file = fopen(path, "we");
                assert_non_null(file);
                assert_true(fputs(contents[i], file) >= 0);
                assert_int_equal(fclose(file), 0);
                assert_int_equal(registry_open(path, false, &registry, &fault), -EBADMSG);
                assert_string_equal(fault.text, wanted);
                assert_null(registry);
        }
        assert_int_equal(unlink(path), 0);
        assert_true(registry_open(path, false, &registry, &fault) < 0);
        assert_int_equal(access(path, F_OK), -1);
}

/* An init that was cut short has left it empty. */
static void open__empty_and_new__is_one(void **state)
{
        (void)state;
        registry_close(registry);
        registry = NULL;
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(registry_open(path, true, &registry, NULL), 0);
        put("hall", NAME_NODE, RIGHTS_NONE, 1, NULL);
}

/* As the version before has made it. */
static void go_back_to_version_1(void)
{
        alter("PRAGMA user_version = 1; ALTER TABLE names DROP COLUMN commands");
}

static int get_version(void *version, int count, char **values, char **names)
{
        (void)count;
        (void)names;
        *(int *)version = atoi(values[0]);
        return 0;
}

static int version_of_file(void)
{
        sqlite3 *sqlite = NULL;
        int version = -1;

        assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
        assert_int_equal(sqlite3_exec(sqlite, "PRAGMA user_version", get_version, &version, NULL), SQLITE_OK);
        (void)sqlite3_close(sqlite);
        return version;
}

static void open__version_before__goes_on_with_what_is_there(void **state)
{
        CLEANUP(name_done) struct name hall = { 0 }, me = { 0 };

        (void)state;
        put("hall", NAME_NODE, RIGHTS_NONE, 3, "mqtts://b.lan:8883");
        put("me", NAME_CLIENT, RIGHTS_READ_ONLY, 1, "hall");
        go_back_to_version_1();
        open_again();
        assert_int_equal(version_of_file(), 2);
        assert_int_equal(registry_find(registry, "hall", &hall, NULL), 0);
        assert_int_equal(hall.generation, 3);
        assert_string_equal(hall.words[0], "mqtts://b.lan:8883");
        assert_null(hall.commands);
        assert_int_equal(registry_find(registry, "me", &me, NULL), 0);
        assert_int_equal(me.rights, RIGHTS_READ_ONLY);
        put_node("hall", 3, "attic");
        open_again();
        name_done(&hall);
        assert_int_equal(registry_find(registry, "hall", &hall, NULL), 0);
        assert_string_equal(hall.commands[0], "attic");
}

/* As another process would: between the look at the version and the lock. */
static int open_another_first(unsigned what, void *userdata, void *statement, void *sql)
{
        static bool is_inside;
        unsigned *count = userdata;
        struct registry *other = NULL;

        (void)what;
        (void)statement;
        if (is_inside || strcmp(sql, "BEGIN IMMEDIATE") != 0)
                return 0;
        is_inside = true;
        *count += registry_open(path, false, &other, NULL) == 0;
        registry_close(other);
        is_inside = false;
        return 0;
}

static unsigned others;

static int watch(sqlite3 *sqlite)
{
        return sqlite3_trace_v2(sqlite, SQLITE_TRACE_STMT, open_another_first, &others);
}

static void open__version_before_that_another_brings_up__is_taken_as_it_is(void **state)
{
        (void)state;
        others = 0;
        go_back_to_version_1();
        assert_int_equal(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
        open_again();
        sqlite3_reset_auto_extension();
        assert_int_equal(others, 1);
        put_node("hall", 1, "attic");
        assert_int_equal(version_of_file(), 2);
}

static void open__version_after__is_refused(void **state)
{
        struct fault fault = { 0 };
        char wanted[160];

        (void)state;
        alter("PRAGMA user_version = 3");
        registry_close(registry);
        registry = NULL;
        (void)snprintf(wanted, sizeof(wanted), "%s was written by a newer sconce-pki", path);
        assert_int_equal(registry_open(path, false, &registry, &fault), -ENOTSUP);
        assert_string_equal(fault.text, wanted);
}

/* ---- Transactions ---------------------------------------------------------------------------------------------------- */

static void commit__names__are_there_again(void **state)
{
        CLEANUP(name_done) struct name name = { 0 };

        (void)state;
        assert_int_equal(registry_begin(registry, NULL), 0);
        put("phone", NAME_CLIENT, RIGHTS_READ_ONLY, 3, "hall");
        assert_int_equal(registry_commit(registry, NULL), 0);
        open_again();
        assert_int_equal(registry_find(registry, "phone", &name, NULL), 0);
        assert_int_equal(name.kind, NAME_CLIENT);
        assert_int_equal(name.rights, RIGHTS_READ_ONLY);
        assert_int_equal(name.generation, 3);
        assert_false(name.is_revoked);
        assert_string_equal(name.words[0], "hall");
        assert_null(name.words[1]);
}

static void close__not_committed__has_not_happened(void **state)
{
        struct name name = { 0 };
        bool has_files = true;
        const struct outside_file file = { "issued/hall.crt", FILE_PUBLIC, "x", 1 };

        (void)state;
        put_certificate("01", "hall");
        assert_int_equal(registry_begin(registry, NULL), 0);
        put("hall", NAME_NODE, RIGHTS_NONE, 1, NULL);
        unsigned count = 0;
        assert_int_equal(registry_revoke(registry, "hall", 1, &count, NULL), 0);
        assert_int_equal(count, 1);
        assert_int_equal(registry_put_file(registry, &file, NULL), 0);
        open_again();
        assert_int_equal(registry_find(registry, "hall", &name, NULL), -ENOENT);
        assert_int_equal(registry_has_files(registry, &has_files, NULL), 0);
        assert_false(has_files);
        assert_int_equal(count_revoked(), 0);
}

static void revoke__each_once__of_that_name_alone(void **state)
{
        unsigned count = 9;

        (void)state;
        put_certificate("01", "hall");
        put_certificate("02", "hall");
        put_certificate("03", "hal");
        assert_int_equal(registry_revoke(registry, "hall", 7, &count, NULL), 0);
        assert_int_equal(count, 2);
        assert_int_equal(registry_revoke(registry, "hall", 8, &count, NULL), 0);
        assert_int_equal(count, 0);
        assert_int_equal(count_revoked(), 2);
        assert_int_equal(registry_count_in_force(registry, "hal", &count, NULL), 0);
        assert_int_equal(count, 1);
}

static void put_certificate__same_serial__is_refused(void **state)
{
        (void)state;
        put_certificate("01", "hall");
        assert_int_equal(try_certificate("01", "attic"), -EIO);
}

static void next_crl_number__taken_over__goes_on(void **state)
{
        int64_t number = 0;

        (void)state;
        assert_int_equal(registry_next_crl_number(registry, &number, NULL), 0);
        assert_int_equal(number, 1);
        assert_int_equal(registry_set_crl_number(registry, 255, NULL), 0);
        assert_int_equal(registry_next_crl_number(registry, &number, NULL), 0);
        assert_int_equal(number, 256);
        open_again();
        assert_int_equal(registry_next_crl_number(registry, &number, NULL), 0);
        assert_int_equal(number, 257);
}

static int see_file(void *userdata, const struct outside_file *file)
{
        char *seen = userdata;

        (void)snprintf(seen + strlen(seen), 64, "%s=%.*s;", file->path, (int)file->size, (const char *)file->data);
        return 0;
}

static void put_file__same_path__the_last_counts(void **state)
{
        static const struct outside_file files[] = { { "a", FILE_PUBLIC, "1", 1 },
                                                     { "b", FILE_SECRET, "2", 1 },
                                                     { "a", FILE_PUBLIC, "33", 2 },
                                                     { "c", FILE_PUBLIC, "", 0 } };
        char seen[256] = "";
        bool has_files = true;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                assert_int_equal(registry_put_file(registry, &files[i], NULL), 0);
        assert_int_equal(registry_each_file(registry, see_file, seen, NULL), 0);
        assert_string_equal(seen, "b=2;a=33;c=;");
        assert_int_equal(registry_forget_files(registry, NULL), 0);
        assert_int_equal(registry_has_files(registry, &has_files, NULL), 0);
        assert_false(has_files);
}

/* ---- Nodes that command others ------------------------------------------------------------------------------------- */

static void assert_commands(const char *node, const char *wanted)
{
        CLEANUP(name_done) struct name name = { 0 };

        assert_int_equal(registry_find(registry, node, &name, NULL), 0);
        CLEANUP_FREE char *commands = words_text(name.commands);
        assert_string_equal(commands, wanted);
}

static void end_commands__one_of_several__is_that_word_alone(void **state)
{
        CLEANUP(words_done) char **names = NULL;

        (void)state;
        put_node("hall", 1, "shed old-shed shed-2 attic");
        put_node("porch", 1, "old-shed shed");
        put_node("attic", 1, "shed");
        put_node("cellar", 1, "old-shed shed-2");
        put_node("barn", 1, "");
        assert_int_equal(registry_end_commands(registry, "shed", &names, NULL), 0);
        CLEANUP_FREE char *who = words_text(names);
        assert_string_equal(who, "hall porch attic");
        assert_commands("hall", "old-shed shed-2 attic");
        assert_commands("porch", "old-shed");
        assert_commands("attic", "");
        assert_commands("cellar", "old-shed shed-2");
        assert_commands("barn", "");
}

static void end_commands__of_nobody__names_nobody(void **state)
{
        char **names = NULL;

        (void)state;
        put_node("hall", 1, "attic");
        assert_int_equal(registry_end_commands(registry, "shed", &names, NULL), 0);
        assert_null(names);
        assert_commands("hall", "attic");
}

/* ---- The access list ------------------------------------------------------------------------------------------------- */

#define HEAD                                                                                                           \
        "# Written by sconce-pki: a block for each name in force, nothing for any other.\n# Changes made by hand are " \
        "lost when it next runs.\n"
#define SIGNER                                                                                                         \
        "\nuser sconce-pki.signer\ntopic read sconce-pki/+/request\ntopic write sconce-pki/+/answer\n"                 \
        "topic readwrite sconce-pki/trust\n"
#define END "\n# End of the list.\n"
#define RENEWAL(identity)                                                                                              \
        "topic write sconce-pki/" identity "/request\n"                                                                \
        "topic read sconce-pki/" identity "/answer\ntopic read sconce-pki/trust\n"

static void assert_list(const char *loan, const char *wanted)
{
        CLEANUP_FREE char *text = NULL;

        assert_int_equal(acl_text(registry, loan, &text, NULL), 0);
        assert_string_equal(text, wanted);
}

static void acl__nobody__is_head_and_end(void **state)
{
        struct name gone = { .name = "gone", .kind = NAME_NODE, .generation = 1, .is_revoked = true };

        (void)state;
        put("b.lan", NAME_BROKER, RIGHTS_NONE, 1, "b.lan");
        assert_int_equal(registry_put(registry, &gone, NULL), 0);
        assert_list(NULL, HEAD SIGNER END);
        assert_list("\nuser CHECK-1\ntopic write x\n", HEAD SIGNER "\nuser CHECK-1\ntopic write x\n" END);
}

static void acl__node_of_a_second_generation__has_its_topics(void **state)
{
        (void)state;
        put("hall", NAME_NODE, RIGHTS_NONE, 2, NULL);
        assert_list(NULL, HEAD "\nuser hall.2\n"
                               "topic write sconce/hall/#\n"
                               "topic write sconce/reply/#\n"
                               "topic write homeassistant/device/hall/#\n"
                               "topic read sconce/hall/+/set\n"
                               "topic read sconce/hall/+/set/+\n"
                               "topic read sconce/hall/+/get\n"
                               "topic read sconce/hall/get\n"
                               "topic read sconce/hall/status\n"
                               "topic read sconce/hall/+/status\n"
                               "topic read sconce/hall/+/error\n"
                               "topic read homeassistant/status\n" RENEWAL("hall.2") SIGNER END);
}

static void acl__node_that_commands_others__may_set_their_devices_alone(void **state)
{
        (void)state;
        put_node("hall", 1, "attic shed");
        assert_list(NULL, HEAD "\nuser hall\n"
                               "topic write sconce/hall/#\n"
                               "topic write sconce/reply/#\n"
                               "topic write homeassistant/device/hall/#\n"
                               "topic read sconce/hall/+/set\n"
                               "topic read sconce/hall/+/set/+\n"
                               "topic read sconce/hall/+/get\n"
                               "topic read sconce/hall/get\n"
                               "topic read sconce/hall/status\n"
                               "topic read sconce/hall/+/status\n"
                               "topic read sconce/hall/+/error\n"
                               "topic read homeassistant/status\n"
                               "topic write sconce/attic/+/set\n"
                               "topic write sconce/attic/+/set/+\n"
                               "topic deny sconce/attic/node/#\n"
                               "topic write sconce/shed/+/set\n"
                               "topic write sconce/shed/+/set/+\n"
                               "topic deny sconce/shed/node/#\n" RENEWAL("hall") SIGNER END);
}

static void acl__clients__are_denied_each_others_answers(void **state)
{
        (void)state;
        put("me", NAME_CLIENT, RIGHTS_READ_ONLY, 1, NULL);
        put("you", NAME_CLIENT, RIGHTS_ALL, 3, NULL);
        put("guest", NAME_CLIENT, RIGHTS_HOME_ASSISTANT, 1, "hall");
        assert_list(NULL, HEAD
                    "\nuser me\n"
                    "topic read sconce/reply/me/#\n" RENEWAL(
                            "me") "topic read sconce/+/#\n"
                                  "topic deny sconce/reply/you.3/#\n"
                                  "topic deny sconce/reply/guest/#\n"
                                  "\nuser you.3\n"
                                  "topic read sconce/reply/you.3/#\n" RENEWAL(
                                          "you.3") "topic read sconce/+/#\n"
                                                   "topic write sconce/+/+/set\n"
                                                   "topic write sconce/+/+/set/+\n"
                                                   "topic write sconce/+/+/get\n"
                                                   "topic write sconce/+/get\n"
                                                   "topic deny sconce/reply/me/#\n"
                                                   "topic deny sconce/reply/guest/#\n"
                                                   "\nuser guest\n"
                                                   "topic read sconce/reply/guest/#\n" RENEWAL(
                                                           "guest") "topic read sconce/hall/#\n"
                                                                    "topic write sconce/hall/+/set\n"
                                                                    "topic write sconce/hall/+/set/+\n"
                                                                    "topic write sconce/hall/+/get\n"
                                                                    "topic write sconce/hall/get\n"
                                                                    "topic read homeassistant/device/hall/#\n"
                                                                    "topic write homeassistant/status\n" SIGNER END);
}

/* ---- RabbitMQ's definitions ------------------------------------------------------------------------------------------ */

static void assert_expressions(const char *json, const char *identity, const char *write, const char *read)
{
        json_t *all = json_loads(json, 0, NULL), *item, *found = NULL;
        size_t index;

        assert_non_null(all);
        json_array_foreach(json_object_get(all, "topic_permissions"), index, item)
        {
                if (strcmp(json_string_value(json_object_get(item, "user")), identity) == 0)
                        found = item;
        }
        assert_non_null(found);
        assert_string_equal(json_string_value(json_object_get(found, "exchange")), "amq.topic");
        assert_string_equal(json_string_value(json_object_get(found, "write")), write);
        assert_string_equal(json_string_value(json_object_get(found, "read")), read);
        json_decref(all);
}

#define DEVICE_WORDS "(?:state|status|error|event|result|history|set|get)"

static void rabbitmq__registry__each_name_in_force_has_its_expressions(void **state)
{
        CLEANUP_FREE char *json = NULL;
        struct name gone = { .name = "gone", .kind = NAME_NODE, .generation = 1, .is_revoked = true };

        (void)state;
        put("b.lan", NAME_BROKER, RIGHTS_NONE, 1, "b.lan");
        put("hall", NAME_NODE, RIGHTS_NONE, 2, NULL);
        put("you", NAME_CLIENT, RIGHTS_ALL, 1, NULL);
        put("wall", NAME_CLIENT, RIGHTS_READ_ONLY, 1, "hall");
        assert_int_equal(registry_put(registry, &gone, NULL), 0);
        assert_int_equal(rabbitmq_definitions(registry, &json, NULL), 0);
        assert_null(strstr(json, "gone"));
        assert_null(strstr(json, "b.lan"));
        assert_expressions(
                json, "hall.2",
                "^(?:sconce\\.hall(?:\\..*)?|sconce\\.reply\\.[^.]+\\.(?!" DEVICE_WORDS
                "$).+|homeassistant\\.device\\.hall(?:\\..*)?|sconce-pki\\.hall\\.2\\.request)$(?!\\n)",
                "^(?:sconce\\.hall\\.[^.#]*\\.set|sconce\\.hall\\.[^.#]*\\.set\\.[^.#]*|sconce\\.hall\\.[^.#]*\\.get|"
                "sconce\\.hall\\.get|sconce\\.hall\\.status|sconce\\.hall\\.[^.#]*\\.status|sconce\\.hall\\.[^.#]*\\."
                "error|"
                "homeassistant\\.status|sconce-pki\\.hall\\.2\\.answer|sconce-pki\\.trust)$(?!\\n)");
        assert_expressions(json, "you",
                           "^(?:sconce-pki\\.you\\.request|sconce\\.(?!reply(?:\\.|$))[^.#]*\\.[^.#]*\\.set|"
                           "sconce\\.(?!reply(?:\\.|$))[^.#]*\\.[^.#]*\\.set\\.[^.#]*|sconce\\.(?!reply(?:\\.|$))[^.#]*"
                           "\\.[^.#]*\\.get|"
                           "sconce\\.(?!reply(?:\\.|$))[^.#]*\\.get)$(?!\\n)",
                           "^(?:sconce\\.reply\\.you(?:\\..*)?|sconce-pki\\.you\\.answer|sconce-pki\\.trust|"
                           "sconce\\.(?!reply(?:\\.|$))[^.*#]*(?:\\..*)?|sconce\\.\\*\\.[^.*#]*|sconce\\.\\*\\.[^.#]*"
                           "\\." DEVICE_WORDS ")$(?!\\n)");
        assert_expressions(json, "wall", "^(?:sconce-pki\\.wall\\.request)$(?!\\n)",
                           "^(?:sconce\\.reply\\.wall(?:\\..*)?|sconce-pki\\.wall\\.answer|sconce-pki\\.trust|"
                           "sconce\\.hall(?:\\..*)?)$(?!\\n)");
        assert_expressions(json, "sconce-pki.signer", "^(?:sconce-pki\\.[^.#]*\\.answer|sconce-pki\\.trust)$(?!\\n)",
                           "^(?:sconce-pki\\.[^.#]*\\.request|sconce-pki\\.trust)$(?!\\n)");
}

static void rabbitmq__node_that_commands_others__may_not_command_the_nodes(void **state)
{
        CLEANUP_FREE char *json = NULL;

        (void)state;
        assert_int_equal(rabbitmq_translate("user hall\ntopic write sconce/shed/+/set\ntopic deny sconce/shed/node/#\n"
                                            "topic write sconce/attic/+/set/+\ntopic deny sconce/attic/node/#\n"
                                            "user porch\ntopic write sconce/porch/#\n",
                                            &json, NULL),
                         0);
        assert_expressions(
                json, "hall",
                "^(?!(?:sconce\\.shed\\.node|sconce\\.attic\\.node)(?:\\.|$))(?:sconce\\.shed\\.[^.#]*\\.set|"
                "sconce\\.attic\\.[^.#]*\\.set\\.[^.#]*)$(?!\\n)",
                "^(?!)$");
        assert_expressions(json, "porch", "^(?:sconce\\.porch(?:\\..*)?)$(?!\\n)", "^(?!)$");
}

static void rabbitmq__user_without_a_right__has_expressions_that_match_nothing(void **state)
{
        CLEANUP_FREE char *json = NULL;

        (void)state;
        assert_int_equal(rabbitmq_translate("user me\n\nuser join.abc234\ntopic read x\n", &json, NULL), 0);
        assert_expressions(json, "me", "^(?!)$", "^(?!)$");
        assert_null(strstr(json, "join"));
}

/* What a registry could hold that not sconce-pki wrote. */
static void rabbitmq__what_no_name_is__is_refused(void **state)
{
        static const char *const lists[] = {
                "user .*\n",
                "user a|b\n",
                "user Hall\n",
                "user a\"b\n",
                "user hall.2.3\n",
                "user other.signer\n",
                "user \n",
                "user me\ntopic read sconce/.*)|(?:.*/#\n",
                "user me\ntopic read sconce/{username}/#\n",
                "user me\ntopic read sconce/a\\.b\n",
                "user me\ntopic read sconce/a+\n",
                "user me\ntopic read sconce/#/x\n",
                "user me\ntopic read #\n",
                "user me\ntopic read \n",
                "user me\ntopic deny sconce/hall/#\n",
                "user me\ntopic deny sconce/hall/lamp/#\n",
                "user me\ntopic deny sconce/hall/node\n",
                "user me\ntopic deny sconce/+/node/#\n",
                "user me\ntopic deny sconce//node/#\n",
                "user me\ntopic deny homeassistant/hall/node/#\n",
                "user me\ntopic all sconce/hall/#\n",
                "user me\npattern read sconce/%u/#\n",
                "user me\ntopic\n",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                struct fault fault = { 0 };
                char *json = NULL;
                assert_int_equal(rabbitmq_translate(lists[i], &json, &fault), -EBADMSG);
                assert_null(json);
                assert_non_null(strstr(fault.text, "the registry gives a right that none has: "));
        }
}

#define REGISTRY_TEST(function) cmocka_unit_test_setup_teardown(function, open_new, drop)

/* ---- What the signer may write there, and root's commands make lists of ------------------------------------------------- */

#define CODE "join.abcdefghijkl2345"
#define PSK  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void put_house(void)
{
        struct invitation invitation = { .identity = CODE, .name = "hall", .psk = PSK, .url = "mqtts://b.lan:8883" };

        put("b.lan", NAME_BROKER, RIGHTS_NONE, 1, "192.168.1.2");
        put("hall", NAME_NODE, RIGHTS_NONE, 1, "mqtts://b.lan:8883");
        put("me", NAME_CLIENT, RIGHTS_ALL, 1, "hall");
        invitation.expires_s = INT64_MAX;
        assert_int_equal(invitations_put(registry, &invitation, NULL), 0);
        put_certificate("0A1B", "hall");
}

/* The first of these that fails. */
static int read_all(struct fault *fault)
{
        CLEANUP_FREE char *acl = NULL, *psk = NULL;
        unsigned count = 0;
        int r = acl_text(registry, NULL, &acl, fault);

        if (r == 0)
                r = psk_text(registry, &psk, fault);
        return r < 0 ? r : registry_each_certificate(registry, NULL, count_one, &count, fault);
}

static void read__what_sconce_pki_does_not_write__is_refused(void **state)
{
        static const struct {
                const char *set, *what;
        } table[] = {
                { "names SET name = 'hall' || char(10) || 'topic readwrite #' WHERE name = 'hall'", "name of a node" },
                { "names SET name = '+' WHERE name = 'hall'", "name of a node" },
                { "names SET name = 'HALL' WHERE name = 'hall'", "name of a node" },
                { "names SET name = '' WHERE name = 'me'", "name of a client" },
                { "names SET name = 'me/#' WHERE name = 'me'", "name of a client" },
                { "names SET words = '#' WHERE name = 'me'", "name of a node" },
                { "names SET words = 'hall' || char(10) || 'user x' WHERE name = 'me'", "name of a node" },
                { "names SET words = 'mqtts://b.lan:8883' || char(10) WHERE name = 'hall'", "URL of a broker" },
                { "names SET words = 'mqtt://b.lan' WHERE name = 'hall'", "URL of a broker" },
                { "names SET commands = '+' WHERE name = 'hall'", "name of a node" },
                { "names SET commands = 'attic shed/#' WHERE name = 'hall'", "name of a node" },
                { "names SET commands = 'attic' || char(10) || 'user' WHERE name = 'hall'", "name of a node" },
                { "names SET commands = 'attic' WHERE name = 'me'", "name of a node" },
                { "names SET name = '../b' WHERE name = 'b.lan'", "name of a broker" },
                { "names SET words = 'b.lan,email:x' WHERE name = 'b.lan'", "name of a broker" },
                { "invitations SET identity = 'me'", "identity of an invitation" },
                { "invitations SET identity = 'join.abcdefghijkl234' || char(10)", "identity of an invitation" },
                { "invitations SET identity = 'join.ABCDEFGHIJKL2345'", "identity of an invitation" },
                { "invitations SET name = 'x' || char(10)", "name of an invitation" },
                { "invitations SET psk = substr('" PSK "', 1, 63) || char(10)", "key of an invitation" },
                { "invitations SET psk = substr('" PSK "', 1, 63) || ':'", "key of an invitation" },
                { "invitations SET url = 'unix:///x'", "URL of a broker" },
                { "certificates SET name = 'x' || char(27)", "name of a certificate" },
                { "certificates SET serial = '0A-1'", "number of a certificate" },
        };

        (void)state;
        put_house();
        assert_int_equal(read_all(NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct fault fault = { 0 };
                char sql[256];
                (void)snprintf(sql, sizeof(sql), "UPDATE %s", table[i].set);
                drop(NULL);
                (void)open_new(NULL);
                put_house();
                alter(sql);
                if (read_all(&fault) != -EBADMSG || !strstr(fault.text, table[i].what))
                        fail_msg("%s: %s", table[i].set, fault.text);
                assert_non_null(strstr(fault.text, path));
                assert_non_null(strstr(fault.text, "bring the file back from a backup"));
                assert_null(strpbrk(fault.text, "\n\033"));
        }
}

static void put__what_no_name_is__is_refused(void **state)
{
        CLEANUP(name_done) struct name name = { .name = "hall\nuser x", .kind = NAME_NODE, .generation = 1 };
        struct invitation invitation = { .identity = CODE, .name = "hall", .psk = "x" };
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(registry_put(registry, &name, &fault), -EBADMSG);
        assert_non_null(strstr(fault.text, "name of a node"));
        (void)strcpy(name.name, "hall");
        assert_true(words_add(&name.words, "b.lan"));
        assert_int_equal(registry_put(registry, &name, &fault), -EBADMSG);
        assert_int_equal(invitations_put(registry, &invitation, &fault), -EBADMSG);
        assert_non_null(strstr(fault.text, "key of an invitation"));
        assert_int_equal(try_certificate("0A1B", "x/y"), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                REGISTRY_TEST(open__new__is_its_owners_alone),
                REGISTRY_TEST(open__no_registry__is_refused),
                REGISTRY_TEST(open__empty_and_new__is_one),
                REGISTRY_TEST(open__version_before__goes_on_with_what_is_there),
                REGISTRY_TEST(open__version_before_that_another_brings_up__is_taken_as_it_is),
                REGISTRY_TEST(open__version_after__is_refused),
                REGISTRY_TEST(commit__names__are_there_again),
                REGISTRY_TEST(close__not_committed__has_not_happened),
                REGISTRY_TEST(revoke__each_once__of_that_name_alone),
                REGISTRY_TEST(put_certificate__same_serial__is_refused),
                REGISTRY_TEST(next_crl_number__taken_over__goes_on),
                REGISTRY_TEST(put_file__same_path__the_last_counts),
                REGISTRY_TEST(read__what_sconce_pki_does_not_write__is_refused),
                REGISTRY_TEST(put__what_no_name_is__is_refused),
                REGISTRY_TEST(end_commands__one_of_several__is_that_word_alone),
                REGISTRY_TEST(end_commands__of_nobody__names_nobody),
                REGISTRY_TEST(acl__nobody__is_head_and_end),
                REGISTRY_TEST(acl__node_of_a_second_generation__has_its_topics),
                REGISTRY_TEST(acl__node_that_commands_others__may_set_their_devices_alone),
                REGISTRY_TEST(acl__clients__are_denied_each_others_answers),
                REGISTRY_TEST(rabbitmq__registry__each_name_in_force_has_its_expressions),
                cmocka_unit_test(rabbitmq__node_that_commands_others__may_not_command_the_nodes),
                cmocka_unit_test(rabbitmq__user_without_a_right__has_expressions_that_match_nothing),
                cmocka_unit_test(rabbitmq__what_no_name_is__is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
