/* SPDX-License-Identifier: Apache-2.0 */
/* util/json.c and util/text.c: what a payload's bytes are asked for reads none that is not its own, for any bytes. */
#include "util/json.h"
#include "prove.h"

double nondet_double(void);

double strtod(const char *text, char **end)
{
        (void)text, (void)end;
        return nondet_double();
}

int main(void)
{
        char bytes[LENGTH];
        size_t size = nondet_unsigned();
        double number = 7;

        ASSUME(size <= LENGTH);
        for (size_t i = 0; i < LENGTH; i++)
                bytes[i] = nondet_char();
#if defined(PROVE_NUMBER)
        bool is_number = json_parse_number(bytes, size, &number);
        PROVE(is_number ? __builtin_isfinite(number) : number == 7,
              "a number is finite; without one nothing is changed");
        PROVE(!is_number || bytes[0] == '-' || (bytes[0] >= '0' && bytes[0] <= '9'),
              "a number begins with a digit or a minus");
#elif defined(PROVE_UTF8)
        bool is_valid = utf8_is_valid(bytes, size);
        size_t at = nondet_unsigned();
        ASSUME(at < size);
        PROVE(!is_valid || (bytes[at] != '\0' && (unsigned char)bytes[at] != 0xff),
              "no NUL and no byte that UTF-8 has not");
#else
        struct json_shape shape = json_shape(bytes, size);
        PROVE(shape.depth <= shape.items && shape.items <= size, "what is counted was there");
#endif
        return 0;
}
