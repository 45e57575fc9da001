/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/breakage.h"

#include <signal.h>

#include "faults/veth.h"

static void broker_dies(const struct way *way)
{
        broker_kill(way->broker);
}

static void broker_stops(const struct way *way)
{
        process_signal(way->broker->process, SIGTERM);
        (void)process_wait(way->broker->process, SOON_MS);
}

static void broker_is_back(const struct way *way)
{
        broker_start(way->broker);
}

static void broker_freezes(const struct way *way)
{
        process_signal(way->broker->process, SIGSTOP);
}

static void broker_thaws(const struct way *way)
{
        process_signal(way->broker->process, SIGCONT);
}

static void link_goes_down(const struct way *way)
{
        (void)way;
        veth_set(false);
}

static void link_comes_up(const struct way *way)
{
        (void)way;
        veth_set(true);
}

static void heal(const struct way *way)
{
        proxy_set(way->proxy, PROXY_PASSES);
}

static void cut_and_heal(const struct way *way)
{
        proxy_cut(way->proxy);
        heal(way);
}

#define PROXY_FAULT(name, mode)                                                                                        \
        static void name(const struct way *way)                                                                        \
        {                                                                                                              \
                proxy_set(way->proxy, mode);                                                                           \
        }
PROXY_FAULT(cut, PROXY_CUTS)
PROXY_FAULT(stall, PROXY_STALLS)
PROXY_FAULT(one_way, PROXY_ONE_WAY)
PROXY_FAULT(slow, PROXY_SLOW)
PROXY_FAULT(bytes, PROXY_BYTES)

#define KILLS   BREAKAGE_KILLS
#define HANGS   BREAKAGE_HANGS
#define NOTICED BREAKAGE_NOTICED
#define SHORT   BREAKAGE_SHORT
#define VETH    BREAKAGE_VETH

const struct breakage breakages[BREAKAGES] = {
        { "broker killed", broker_dies, broker_is_back, 0 },
        { "broker killed", broker_dies, broker_is_back, KILLS },
        { "restarted", broker_stops, broker_is_back, 0 },
        { "frozen", broker_freezes, broker_thaws, HANGS },
        { "frozen", broker_freezes, broker_thaws, HANGS | KILLS },
        { "frozen", broker_freezes, broker_is_back, HANGS | SHORT }, /* another one */
        { "link down", link_goes_down, link_comes_up, HANGS | VETH },
        { "link down", link_goes_down, link_comes_up, HANGS | KILLS | VETH },
        { "cut", cut, heal, 0 },
        { "stalled", stall, heal, HANGS },
        { "stalled", stall, cut_and_heal, HANGS | SHORT },
        { "stalled", stall, cut_and_heal, HANGS | NOTICED },
        { "stalled", stall, cut_and_heal, HANGS | KILLS },
        { "one way", one_way, heal, HANGS },
        { "one way", one_way, cut_and_heal, HANGS },
        { "one way", one_way, cut_and_heal, HANGS | SHORT },
        { "slow", slow, heal, HANGS },
        { "byte by byte", bytes, heal, HANGS }, /* so much waits behind each byte */
        { "agent killed alone", heal, heal, KILLS },
};
