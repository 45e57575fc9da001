/* SPDX-License-Identifier: Apache-2.0 */
/* sconce-pki join CODE: on the Pi. Its key is made here and stays here; what an invitation's code gets for it is put in place
 * as `install` does. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "enrol/join.h"
#include "enrol/place_node.h"
#include "say.h"

struct join {
        const char *word, *root;
        bool is_in_tpm;
        struct code code;
        struct join_key key;
        struct place_node place;
        struct answer answer;
};

static void join_done(struct join *join)
{
        code_forget(&join->code, NULL);
        join_key_done(&join->key);
        place_node_done(&join->place);
        answer_done(&join->answer);
}

static void show_progress(void *userdata, const char *sentence)
{
        (void)userdata;
        complain("%s …", sentence);
}

/* The agent is not root: a device that it may not open would be found out when the code is used up. */
static int check_tpm_user(const char *root, struct fault *fault)
{
        const struct passwd *user = getpwnam("sconce");
        char path[PATH_MAX];
        gid_t groups[64];
        int count = ARRAY_SIZE(groups);
        struct stat device;

        (void)snprintf(path, sizeof(path), "%s/dev/tpmrm0", root);
        if (!user || stat(path, &device) < 0 || (device.st_mode & S_IWOTH) || device.st_uid == user->pw_uid ||
            getgrouplist("sconce", user->pw_gid, groups, &count) < 0)
                return 0;
        for (int i = 0; i < count; i++)
                if (groups[i] == device.st_gid)
                        return 0;
        if (device.st_gid == 0)
                return fault_set(
                        fault, -EACCES,
                        "only root may use this machine's TPM: install the package tpm-udev, restart the machine, "
                        "then run this again");
        const struct group *group = getgrgid(device.st_gid);
        return fault_set(fault, -EACCES,
                         "the agent's user sconce may not use the TPM: sudo usermod -aG %s sconce, then run this again",
                         group ? group->gr_name : "tss");
}

/* The key lies on the disk before the code is used: nothing that this machine lacks costs a code. */
static int get_certificate(struct join *join, struct fault *fault)
{
        struct exchange exchange = { .code = &join->code, .kind = "node", .progress = show_progress };
        int r = join->is_in_tpm ? check_tpm_user(join->root, fault) : 0;

        if (r == 0)
                r = join_key_new(join->is_in_tpm, &join->key, fault);
        if (r == 0)
                r = place_node_begin(&join->place, join->root, join->key.pem, fault);
        exchange.key = join->key.key;
        return r < 0 ? r : exchange_join(&exchange, &join->answer, fault);
}

static int take_into_use(struct join *join, struct fault *fault)
{
        char url[URL_TEXT_MAX];
        const struct place_material material = join_material(&join->code, &join->answer, url);
        int r = place_node_all(&join->place, &material, fault);

        if (r < 0)
                return r;
        place_node_report(&join->place, &material, stdout);
        return place_node_start(&join->place, stdout, fault);
}

static int run(struct join *join)
{
        struct fault fault = { 0 };
        int r = join_code(join->word, &join->code, &fault);

        if (r == -EINVAL)
                return misused("%s", fault.text);
        if (r == 0)
                r = get_certificate(join, &fault);
        if (r == 0)
                r = take_into_use(join, &fault);
        return r < 0 ? failed(&fault) : EXIT_DONE;
}

int command_join(const struct command_line *line)
{
        const char *root = getenv("SCONCE_ROOT");
        CLEANUP(join_done) struct join join = { .root = root ? root : "" };

        for (int i = 0; i < line->count; i++) {
                const char *word = line->words[i];
                if (strcmp(word, "--tpm") == 0)
                        join.is_in_tpm = true;
                else if (word[0] == '-' && word[1])
                        return misused("there is no option '%s' for join: there is --tpm", word);
                else if (join.word)
                        return misused("join takes one CODE");
                else
                        join.word = word;
        }
        if (!join.word)
                return misused(
                        "join takes the CODE that 'invite NAME' has printed on the broker's machine, or - for one on "
                        "standard input");
        if (!*join.root && geteuid() != 0)
                return failed(&(struct fault){
                        -EPERM, "join writes to /etc/sconce: run it as root (sudo sconce-pki join CODE)" });
        return run(&join);
}
