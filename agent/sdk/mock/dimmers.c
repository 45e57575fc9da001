/* SPDX-License-Identifier: Apache-2.0 */
/* Fake PWM channels and LEDs. */
#include "sdk/mock/host.h"

static int check(struct mock_host *host, const struct sconce_dimmer *dimmer)
{
        int r = mock_gate(host, true);

        if (r < 0)
                return r;
        if (!dimmer)
                return mock_refuse(host, -EINVAL, "a dimmer was used that no option names");
        return dimmer->error;
}

int mock_service_dimmer_open(struct sconce_device *dev, struct sconce_dimmer *dimmer, uint64_t period_ns,
                             double first_level)
{
        int r = check(mock_host_of(dev), dimmer);

        if (r < 0)
                return r;
        if (dimmer->is_open)
                return -EBUSY;
        dimmer->is_open = true;
        dimmer->sets = 0;
        dimmer->period_ns = period_ns;
        dimmer->first_level = first_level;
        if (first_level != SCONCE_DIMMER_KEEP)
                dimmer->level = first_level;
        return 0;
}

int mock_service_dimmer_set(struct sconce_device *dev, struct sconce_dimmer *dimmer, double level)
{
        int r = check(mock_host_of(dev), dimmer);

        if (r < 0)
                return r;
        if (!dimmer->is_open)
                return -ENODEV;
        if (!(level >= 0 && level <= 1))
                return mock_refuse(mock_host_of(dev), -ERANGE, "%s was set to %g, which is not within 0 and 1",
                                   dimmer->name, level);
        dimmer->level = level;
        dimmer->sets++;
        return 0;
}

int mock_service_dimmer_get(struct sconce_device *dev, struct sconce_dimmer *dimmer, double *ret_level)
{
        int r = check(mock_host_of(dev), dimmer);

        if (r == 0 && !dimmer->is_open)
                r = -ENODEV;
        if (r == 0)
                *ret_level = dimmer->level;
        return r;
}

struct sconce_dimmer *mock_dimmer(struct mock_host *host, const char *name)
{
        for (struct sconce_dimmer *dimmer = host->dimmers; dimmer; dimmer = dimmer->next)
                if (strcmp(dimmer->name, name) == 0)
                        return dimmer;
        fail_msg("no option names a dimmer %s", name);
        abort();
}
