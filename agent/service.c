/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "util/clock.h"
#include "util/text.h"

void service_ready(void)
{
        (void)sd_notify(0, "READY=1");
}

void service_reloading(void)
{
        uint64_t now_us = clock_monotonic_ns() / NSEC_PER_USEC;

        (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_us);
}

void service_stopping(void)
{
        (void)sd_notify(0, "STOPPING=1");
}

void service_status(struct service *service, const char *peer, const char *wrong)
{
        char text[sizeof(service->status)];

        if (!peer && !*wrong)
                wrong = "Connecting";
        (void)snprintf(text, sizeof(text), "%s%s%s%s", peer ? "Connected to " : "", peer ? peer : "",
                       peer && *wrong ? "; " : "", wrong);
        /* A second line would be an assignment of its own. */
        text[strcspn(text, "\n")] = '\0';
        text[text_utf8_valid(text, strlen(text))] = '\0'; /* cut in the middle of a character it is refused */
        text_defang(text);                                /* brokers and programs have their words in it */
        if (strcmp(text, service->status) == 0)
                return;
        memcpy(service->status, text, sizeof(text));
        (void)sd_notifyf(0, "STATUS=%s", text);
}
