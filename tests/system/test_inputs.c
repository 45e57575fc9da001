/* SPDX-License-Identifier: Apache-2.0 */
/* What people press, turn, open and count, and what that moves: through the broker, on the lines of the chip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "system/stage.h"

enum { MOTION = 24 };

static const char devices[] = "[switch pump]\nline = GPIO22\n"
                              "[contact motion]\nline = GPIO24\nbias = pull-down\ndevice_class = motion\n"
                              "off_delay = 300ms\n";

static int open_stage(void **state)
{
        (void)stage_open_bare(state);
        stage.hall = stage_daemon("hall", devices);
        daemon_start(stage.hall);
        daemon_wait_online(stage.hall, stage.tester);
        return 0;
}

static void pull(unsigned offset, bool up)
{
        chip_pull(stage.hall->lines, offset, up);
        chip_wait(stage.hall->lines, offset, up);
}

/* ---- contact ------------------------------------------------------------------------------------------- */

static void contact__device_class__is_in_info(void **state)
{
        (void)state;
        struct client *late = stage_client("tester", "late");
        client_subscribe(late, "sconce/hall/info");
        const struct message *info = client_wait(late, "sconce/hall/info", NULL, NULL);
        assert_string_equal(json_member(info, "devices.motion.channels.state.class"), "motion");
        client_free(late);
}

static void contact__off_delay__stays_on_until_it_is_over(void **state)
{
        (void)state;
        pull(MOTION, true);
        (void)client_wait_json(stage.tester, "sconce/hall/motion/state", "state", "ON");
        uint64_t let_go_us = now_us();
        pull(MOTION, false);
        (void)client_wait_json(stage.tester, "sconce/hall/motion/state", "state", "OFF");
        assert_true(now_us() - let_go_us >= 300000);
}

static const struct CMUnitTest tests[] = {
        STAGE_TEST(contact__device_class__is_in_info, stage_forget),
        STAGE_TEST(contact__off_delay__stays_on_until_it_is_over, stage_forget),
};

STAGE_MAIN(tests, open_stage)
