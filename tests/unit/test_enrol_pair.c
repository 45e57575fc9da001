/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate and its key are replaced: whatever a crash leaves becomes the old pair or the new one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrol/pair.h"
#include "fakes/pem.h"
#include "util/file.h"

static struct pem_dir dir;
/* In use; beside; and apart, to copy from. */
static char cert[PATH_MAX], key[PATH_MAX], next_cert[PATH_MAX + 8], next_key[PATH_MAX + 8];
static char *texts[4];
enum { OLD_CERT, OLD_KEY, NEW_CERT, NEW_KEY };

static char *text_of(const char *name)
{
        struct file file = { 0 };

        assert_int_equal(file_read(pem_path(&dir, name), 65536, &file, NULL), 0);
        return file.data;
}

static int setup(void **state)
{
        static const char *const names[] = { "old.crt", "old.key", "new.crt", "new.key" };

        (void)state;
        if (pem_dir_make(&dir) < 0)
                return -1;
        (void)snprintf(cert, sizeof(cert), "%s", pem_path(&dir, "hall.crt"));
        (void)snprintf(key, sizeof(key), "%s", pem_path(&dir, "hall.key"));
        (void)snprintf(next_cert, sizeof(next_cert), "%s.next", cert);
        (void)snprintf(next_key, sizeof(next_key), "%s.next", key);
        pem_pair(&dir, "old", 30);
        pem_pair(&dir, "new", 90);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                texts[i] = text_of(names[i]);
        pem_write(&dir, "hall.crt", texts[OLD_CERT], 0644);
        pem_write(&dir, "hall.key", texts[OLD_KEY], 0640);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        (void)chmod(dir.path, 0700);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                free(texts[i]);
        pem_dir_remove(&dir);
        return 0;
}

static void assert_file(const char *path, const char *text)
{
        struct file file = { 0 };

        if (!text) {
                assert_int_equal(access(path, F_OK), -1);
                return;
        }
        assert_int_equal(file_read(path, 65536, &file, NULL), 0);
        assert_string_equal(file.data, text);
        file_done(&file);
}

/* One of the two, and nothing beside it. */
static void assert_pair(bool is_new)
{
        assert_file(cert, texts[is_new ? NEW_CERT : OLD_CERT]);
        assert_file(key, texts[is_new ? NEW_KEY : OLD_KEY]);
        assert_file(next_cert, NULL);
        assert_file(next_key, NULL);
        assert_true(pair_matches(cert, key));
}

static struct pair *begin(void)
{
        struct pair *pair = NULL;

        assert_int_equal(pair_new(cert, key, &pair, NULL), 0);
        return pair;
}

static struct pair *written(void)
{
        struct pair *pair = begin();

        assert_int_equal(pair_write(pair, texts[NEW_CERT], texts[NEW_KEY], NULL), 0);
        return pair;
}

/* ---- In order ---------------------------------------------------------------------------------------------------- */

static void pair_swap__written__both_are_new_with_the_old_modes(void **state)
{
        struct pair *pair = written();
        struct stat st;

        (void)state;
        assert_file(cert, texts[OLD_CERT]);
        assert_file(key, texts[OLD_KEY]);
        assert_true(pair_matches(pair_next_cert(pair), pair_next_key(pair)));
        assert_int_equal(stat(next_key, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(pair_swap(pair, NULL), 0);
        pair_free(pair);
        assert_pair(true);
        assert_int_equal(stat(cert, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
}

static void pair_free__not_swapped__drops_what_was_written(void **state)
{
        (void)state;
        pair_free(written());
        assert_pair(false);
}

static void pair_write__certificate_of_another_key__is_refused(void **state)
{
        struct pair *pair = begin();
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(pair_write(pair, texts[NEW_CERT], texts[OLD_KEY], &fault), -EIO);
        assert_non_null(strstr(fault.text, "do not belong together"));
        pair_free(pair);
        assert_pair(false);
}

static void pair_new__two_at_once__the_second_is_refused(void **state)
{
        struct pair *first = written(), *second = NULL;
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(pair_new(cert, key, &second, &fault), -EBUSY);
        assert_non_null(strstr(fault.text, "another program is just replacing"));
        /* Nor does a start beside it take anything away. */
        assert_int_equal(pair_recover(cert, key, NULL), 0);
        assert_int_equal(pair_swap(first, NULL), 0);
        pair_free(first);
        assert_pair(true);
}

static void pair_new__key_of_a_chip__stays(void **state)
{
        struct pair *pair = NULL;

        (void)state;
        assert_int_equal(pair_new(cert, "pkcs11:object=hall", &pair, NULL), 0);
        assert_true(pair_keeps_key(pair));
        assert_string_equal(pair_next_key(pair), "pkcs11:object=hall");
        pair_free(pair);
        /* A file under a URI, which stays as well. */
        char uri[PATH_MAX + 8];
        (void)snprintf(uri, sizeof(uri), "file:%s", key);
        assert_int_equal(pair_new(cert, uri, &pair, NULL), 0);
        assert_int_equal(pair_write(pair, texts[OLD_CERT], NULL, NULL), 0);
        assert_int_equal(pair_swap(pair, NULL), 0);
        pair_free(pair);
        assert_pair(false);
}

/* ---- What cannot be written -------------------------------------------------------------------------------------- */

static void pair_new__not_ours_to_replace__says_why(void **state)
{
        struct pair *pair = NULL;
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(pair_new(pem_path(&dir, "none"), key, &pair, &fault), -ENOENT);
        assert_int_equal(symlink(cert, pem_path(&dir, "link")), 0);
        assert_int_equal(pair_new(pem_path(&dir, "link"), key, &pair, &fault), -ELOOP);
        assert_non_null(strstr(fault.text, "is a link to a file that something else looks after"));
        assert_int_equal(pair_new(dir.path, key, &pair, &fault), -EINVAL);
        assert_null(pair);
        assert_pair(false);
}

/* Root may write everywhere, so it is somebody else for a moment. */
static void pair_new__directory_not_ours__says_why(void **state)
{
        char expected[128];
        struct pair *pair = NULL;
        struct fault fault = { 0 };
        uid_t self = geteuid();

        (void)state;
        assert_int_equal(chmod(dir.path, 0555), 0);
        assert_int_equal(self == 0 ? seteuid(65534) : 0, 0);
        int r = pair_new(cert, key, &pair, &fault);
        assert_int_equal(seteuid(self), 0);
        assert_int_equal(r, -EACCES);
        (void)snprintf(expected, sizeof(expected), "the directory %s/ cannot be written: Permission denied", dir.path);
        assert_string_equal(fault.text, expected);
        assert_pair(false);
}

/* As a full disk: a write that does not go on. */
static void pair_write__no_room__leaves_the_old_pair(void **state)
{
        struct rlimit all, little = { 0 };
        struct fault fault = { 0 };
        struct pair *pair = begin();

        (void)state;
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
        little = (struct rlimit){ .rlim_cur = 100, .rlim_max = all.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        int r = pair_write(pair, texts[NEW_CERT], texts[NEW_KEY], &fault);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_int_equal(r, -EFBIG);
        assert_non_null(strstr(fault.text, "hall.key.next cannot be written: "));
        pair_free(pair);
        assert_pair(false);
}

/* The certificate can be renamed, and its key cannot. */
static void pair_swap__key_cannot_follow__certificate_comes_back(void **state)
{
        struct pair *pair = written();
        struct fault fault = { 0 };

        (void)state;
        assert_int_equal(unlink(key), 0);
        assert_int_equal(mkdir(key, 0700), 0);
        assert_int_equal(pair_swap(pair, &fault), -EISDIR);
        assert_non_null(strstr(fault.text, "cannot become"));
        pair_free(pair);
        assert_int_equal(rmdir(key), 0);
        assert_file(cert, texts[OLD_CERT]);
        assert_file(next_cert, NULL);
        assert_file(next_key, NULL);
}

/* ---- After a crash ----------------------------------------------------------------------------------------------- */

#define HALF "-----BEGIN CERTIFICATE-----\nMIIB"

/* What lies there: OLD, NEW, or HALF of a file; NULL: nothing. */
static const struct left {
        const char *what;
        const char *cert, *key, *next_cert, *next_key;
        bool is_new; /* what comes of it */
} lefts[] = {
        { "before anything", "old", "old", NULL, NULL, false },
        { "an empty key beside", "old", "old", NULL, "", false },
        { "half a key beside", "old", "old", NULL, HALF, false },
        { "the key beside", "old", "old", NULL, "new", false },
        { "half a certificate beside", "old", "old", HALF, "new", false },
        { "both beside, not proven", "old", "old", "new", "new", false },
        { "the certificate is renamed", "new", "old", NULL, "new", true },
        { "both are renamed", "new", "new", NULL, NULL, true },
        /* What a file system may make of it that keeps no order. */
        { "the key alone is renamed", "old", "new", "new", NULL, true },
        { "renamed, and still beside", "new", "old", "new", "new", true },
        { "all is renamed, and still beside", "new", "new", "new", "new", true },
        /* Going back where the key could not follow. */
        { "the old certificate is beside again", "new", "old", "old", "new", true },
        { "half of it is", "new", "old", HALF, "new", true },
        { "the old certificate is back", "old", "old", NULL, "new", false },
};

static void lay(const char *name, const char *what, int new_text)
{
        if (!what)
                (void)unlink(pem_path(&dir, name));
        else if (strcmp(what, "old") == 0 || strcmp(what, "new") == 0)
                pem_write(&dir, name, texts[what[0] == 'n' ? new_text : new_text - NEW_CERT], 0600);
        else
                pem_write(&dir, name, what, 0600);
}

static void lay_all(const struct left *left)
{
        lay("hall.crt", left->cert, NEW_CERT);
        lay("hall.key", left->key, NEW_KEY);
        lay("hall.crt.next", left->next_cert, NEW_CERT);
        lay("hall.key.next", left->next_key, NEW_KEY);
}

static void pair_recover__each_state_of_a_crash__is_a_pair_again(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lefts); i++) {
                print_message("%s\n", lefts[i].what);
                lay_all(&lefts[i]);
                assert_int_equal(pair_recover(cert, key, NULL), 0);
                assert_pair(lefts[i].is_new);
                assert_int_equal(pair_recover(cert, key, NULL), 0);
                assert_pair(lefts[i].is_new);
        }
}

/* A person has copied one of the two so far. */
static void pair_recover__no_pair_anywhere__touches_neither(void **state)
{
        (void)state;
        pem_write(&dir, "hall.crt", texts[NEW_CERT], 0600);
        assert_int_equal(pair_recover(cert, key, NULL), 0);
        assert_file(cert, texts[NEW_CERT]);
        assert_file(key, texts[OLD_KEY]);
        assert_int_equal(pair_recover(pem_path(&dir, "none/hall.crt"), key, NULL), 0);
}

static void pair_recover__cannot_finish__keeps_what_it_needs(void **state)
{
        static const struct left left = { "", "new", "old", NULL, "new", true };
        struct fault fault = { 0 };

        (void)state;
        lay_all(&left);
        assert_int_equal(unlink(key), 0);
        assert_int_equal(mkdir(key, 0700), 0);
        assert_int_equal(pair_recover(cert, key, &fault), -EISDIR);
        assert_file(next_key, texts[NEW_KEY]);
        assert_int_equal(rmdir(key), 0);
        assert_int_equal(pair_recover(cert, key, NULL), 0);
        assert_pair(true);
}

static void pair_recover__key_of_a_chip__drops_the_certificate_beside(void **state)
{
        (void)state;
        pem_write(&dir, "hall.crt.next", texts[NEW_CERT], 0600);
        assert_int_equal(pair_recover(cert, "pkcs11:object=hall", NULL), 0);
        assert_pair(false);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(pair_swap__written__both_are_new_with_the_old_modes, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_free__not_swapped__drops_what_was_written, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_write__certificate_of_another_key__is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_new__two_at_once__the_second_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_new__key_of_a_chip__stays, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_new__not_ours_to_replace__says_why, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_new__directory_not_ours__says_why, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_write__no_room__leaves_the_old_pair, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_swap__key_cannot_follow__certificate_comes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_recover__each_state_of_a_crash__is_a_pair_again, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_recover__no_pair_anywhere__touches_neither, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_recover__cannot_finish__keeps_what_it_needs, setup, teardown),
                cmocka_unit_test_setup_teardown(pair_recover__key_of_a_chip__drops_the_certificate_beside, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
