#include "autosampling/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace autosampling {
namespace {

TEST(Error, validate_throws_its_code_and_message_only_when_the_condition_fails) {
    EXPECT_NO_THROW(VALIDATE(true, ExitCode::data, "never"));
    try {
        VALIDATE(1 > 2, ExitCode::data, "label ", 12, " is out of range");
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::data);
        EXPECT_STREQ(error.what(), "label 12 is out of range");
        EXPECT_FALSE(error.agreed());
    }
}

TEST(Error, contracts_hold_in_builds_that_check_them_and_cost_nothing_in_others) {
    int evaluated = 0;
#ifdef AUTOSAMPLING_CONTRACTS
    EXPECT_THROW(EXPECT(++evaluated == 0), std::logic_error);
    EXPECT_THROW(ENSURE(++evaluated == 0), std::logic_error);
    EXPECT_EQ(evaluated, 2);
#else
    EXPECT(++evaluated == 0);
    ENSURE(++evaluated == 0);
    EXPECT_EQ(evaluated, 0);
#endif
}

} // namespace
} // namespace autosampling
