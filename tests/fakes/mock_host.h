/* SPDX-License-Identifier: Apache-2.0 */
/* The mock host is the SDK's. */
#pragma once

#include <sconce/mock.h>
