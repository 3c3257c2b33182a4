/*
 * Random histories of lookups against a model that forgets nothing (names_model.h). There are many seeds,
 * always the same.
 */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/names_model.h"

enum { SEEDS = 400, EVENTS = 600 };

static struct model model;

/* xorshift64*: the same on every machine. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static void no_history_makes_a_name_good_that_the_truth_excludes(void **state)
{
    static uint8_t bytes[4 * EVENTS];
    uint32_t connects = 0, sure = 0, apart = 0, attacked = 0, exact = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t random = seed * 0x9e3779b97f4a7c15u;
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(next(&random) >> 40);
        /*
         * Every other history has no floods and no names found in answers, so that its result must be exact.
         */
        for (size_t i = 0; seed % 2 && i < sizeof bytes; i += 4) {
            const bool rights = bytes[i] % 16 == 8 && bytes[i + 2] >= 24;

            if (bytes[i] % 16 >= 5 && bytes[i] % 16 <= 9 && !rights)
                bytes[i] = 2;
        }
        if (!model_run(&model, bytes, sizeof bytes))
            fail_msg("seed %d", (int)seed);
        connects += model.connects;
        sure += model.sure;
        exact += model.exact;
        apart += model.sure_apart;
        attacked += model.sure_attacked;
    }
    /* Histories in which everything is lost prove nothing. */
    printf("%u connections, %u with names that are known, %u exactly, %u after rights were given up, "
           "%u after an attack\n",
           connects, sure, exact, apart, attacked);
    assert_true(connects > 40000 && sure > connects / 3 && exact > connects / 5);
    assert_true(apart > connects / 20 && attacked > connects / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_history_makes_a_name_good_that_the_truth_excludes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
