#include "autosampling/population/doubts.hpp"

#include "population/small_run.hpp"

#include <gmock/gmock.h>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> doubts_of(const std::vector<std::string>& settings) {
    Options asked = small_options();
    for (const std::string& setting : settings) apply_setting(setting, asked);
    return doubts(PlannedRun(asked, 1).prepared);
}

TEST(Doubts, name_what_does_nothing_or_hardly_what_was_meant) {
    EXPECT_THAT(doubts_of({}), IsEmpty());
    EXPECT_THAT(doubts_of({"exploration.first_epoch=2"}), ElementsAre(HasSubstr("never draws from what it learned")));
    EXPECT_THAT(doubts_of({"exploration.first_epoch=1"}), IsEmpty());
    EXPECT_THAT(doubts_of({"exploration.kind=random", "exploration.first_epoch=2"}), IsEmpty());
    EXPECT_THAT(doubts_of({"exploration.mixing=epochs", "exploration.uniform_epochs=3"}),
                ElementsAre(HasSubstr("never draws from what it learned")));
    EXPECT_THAT(
        doubts_of({"exploration.kind=policy", "exploration.interval_cycles=0", "exploration.interval_epochs=2"}),
        ElementsAre(HasSubstr("the run is one round")));
    EXPECT_THAT(doubts_of({"exploration.kind=policy", "exploration.interval_cycles=3"}), IsEmpty());
    EXPECT_THAT(doubts_of({"exploration.credit=advantage", "population.members=1"}),
                ElementsAre(HasSubstr("advantage credit learns from differences")));
    EXPECT_THAT(doubts_of({"exploration.kind=random", "population.members=1"}),
                ElementsAre(HasSubstr("there is one member")));
    EXPECT_THAT(doubts_of({"exploration.kind=none", "population.members=1"}), IsEmpty());
    EXPECT_THAT(doubts_of({"population.selection=top-k", "population.survivors=4"}),
                ElementsAre(HasSubstr("all members survive")));
    EXPECT_THAT(doubts_of({"data.reward_images=7"}), ElementsAre(HasSubstr("no example of 3 of 10 classes")));
}

} // namespace
} // namespace autosampling
