/* SPDX-License-Identifier: Apache-2.0 */
#include "qr.h"

#include <qrencode.h>

#define QUIET 2 /* modules of margin; readers of screens do with two */

#define BLACK_ON_WHITE "\033[30;107m"
#define NORMAL         "\033[0m"

static bool is_dark(const QRcode *code, int x, int y)
{
        return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1) != 0;
}

bool qr_print(const char *text, FILE *out)
{
        /* upper half dark? lower half dark? */
        static const char *const halves[2][2] = { { " ", "▄" }, { "▀", "█" } };
        QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

        if (!code)
                return false;
        for (int y = -QUIET; y < code->width + QUIET; y += 2) {
                (void)fputs(BLACK_ON_WHITE, out);
                for (int x = -QUIET; x < code->width + QUIET; x++)
                        (void)fputs(halves[is_dark(code, x, y)][is_dark(code, x, y + 1)], out);
                (void)fputs(NORMAL "\n", out);
        }
        QRcode_free(code);
        return true;
}
