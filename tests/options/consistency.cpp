#include "autosampling/base/error.hpp"
#include "autosampling/options/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace autosampling {
namespace {

using Settings = std::vector<std::string>;

Options with(const Settings& settings) {
    Options options;
    options.data.name = "synthetic";
    for (const std::string& setting : settings) apply_setting(setting, options);
    return options;
}

void expect_refused(const Settings& settings, const std::string& option) {
    try {
        check_consistency(with(settings));
        ADD_FAILURE() << "not refused: " << settings.back();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage);
        EXPECT_THAT(error.what(), testing::HasSubstr(option));
        EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
    }
}

TEST(Consistency, options_that_exclude_need_or_contradict_each_other_are_refused) {
    expect_refused({"data.name=mnist"}, "data.path");
    expect_refused({"exploration.interval_epochs=1", "exploration.interval_cycles=1"}, "exploration.interval_cycles");
    expect_refused({"exploration.counts=window"}, "exploration.window_cycles");
    expect_refused({"exploration.window_cycles=3"}, "exploration.window_cycles");
    expect_refused({"exploration.counts=decay"}, "exploration.half_life_cycles");
    expect_refused({"exploration.half_life_cycles=3"}, "exploration.half_life_cycles");
    expect_refused({"exploration.counts=decay", "exploration.window_cycles=3"}, "exploration.window_cycles");
    expect_refused({"training.momentum=0", "training.nesterov=true"}, "training.nesterov");
    expect_refused({"training.schedule=one-cycle", "training.warmup_epochs=1"}, "training.warmup_epochs");
    expect_refused({"training.epochs=3", "training.warmup_epochs=3"}, "training.warmup_epochs");
    expect_refused({"training.milestones=[]"}, "training.milestones");
    expect_refused({"training.milestones=[2, 2]"}, "training.milestones");
    expect_refused({"training.milestones=[3, 2]"}, "training.milestones");
    expect_refused({"data.reward_images=10", "data.reward_images_per_cycle=11"}, "data.reward_images_per_cycle");
    expect_refused({"run.device=cpu", "population.transport=nccl"}, "population.transport");
    expect_refused({"run.device=cpu", "population.transport=mpi-staged"}, "population.transport");
    expect_refused({"run.device=cpu", "run.precision=fp16"}, "run.precision");
    expect_refused({"run.device=cpu", "population.reward_precision=fp16"}, "population.reward_precision");
    expect_refused({"population.ranks_per_member=3"}, "population.ranks_per_member");
    expect_refused({"population.ranks_per_member=2", "population.members_at_once=2"}, "population.members_at_once");
    expect_refused({"population.selection=top-k", "population.members=3", "population.survivors=4"},
                   "population.survivors");
    expect_refused({"exploration.kind=none", "population.members=2"}, "exploration.kind");
    expect_refused({"exploration.uniform=lineage", "population.selection=none"}, "exploration.uniform");
    const Settings rule = {"sampling.rule=infobatch", "exploration.kind=none"};
    expect_refused({rule[0]}, "exploration.kind");
    expect_refused({rule[0], rule[1], "exploration.uniform=lineage"}, "exploration.uniform");
    expect_refused({rule[0], rule[1], "population.ranks_per_member=2"}, "population.ranks_per_member");
    const std::string factor = "hyperparameters.explore=factor";
    expect_refused({factor, "population.members=1"}, "hyperparameters.explore");
    expect_refused({factor, "population.selection=none"}, "hyperparameters.explore");
    expect_refused({factor, "exploration.kind=random"}, "hyperparameters.interval_cycles");
}

TEST(Consistency, options_that_go_together_are_taken) {
    for (const Settings& settings : std::vector<Settings>{
             {},
             {"data.name=mnist", "data.path=somewhere"},
             {"exploration.interval_epochs=1"},
             {"exploration.interval_cycles=1"},
             {"exploration.counts=window", "exploration.window_cycles=3"},
             {"exploration.counts=decay", "exploration.half_life_cycles=3"},
             {"training.nesterov=true"},
             {"training.schedule=cosine", "training.warmup_epochs=1", "training.milestones=[2, 1]"},
             {"training.schedule=one-cycle"},
             {"population.selection=top-k", "population.members=3", "population.survivors=3"},
             {"sampling.rule=infobatch", "exploration.kind=none"},
             {"hyperparameters.explore=factor"},
             {"hyperparameters.explore=factor", "exploration.kind=policy", "population.selection=best"},
             {"hyperparameters.explore=resample", "population.members=1"},
             {"hyperparameters.explore=resample", "exploration.kind=random", "hyperparameters.interval_cycles=3"},
         })
        EXPECT_NO_THROW(check_consistency(with(settings))) << testing::PrintToString(settings);
}

TEST(Consistency, options_without_effect_are_named) {
    using ::testing::ElementsAre;
    EXPECT_THAT(unused_options({}), testing::IsEmpty());
    EXPECT_THAT(unused_options(with({"exploration.alpha=0.2", "exploration.sigma=1", "data.signals=file"})),
                ElementsAre("exploration.sigma (needs exploration.kind = policy)",
                            "exploration.alpha (needs exploration.kind = policy with sigma above 0)",
                            "data.signals (needs exploration.kind = policy with a column among its signals)"));
    const Settings policy{"exploration.kind=policy", "exploration.signals=[\"column:x\"]", "data.signals=file"};
    EXPECT_THAT(unused_options(with(policy)), testing::IsEmpty());
    EXPECT_THAT(unused_options(with({"exploration.kind=policy", "exploration.sigma=0", "exploration.tau=2"})),
                ElementsAre(testing::StartsWith("exploration.tau (")));
    EXPECT_THAT(unused_options(with({"exploration.kind=random", "exploration.interval_cycles=3"})),
                ElementsAre("exploration.interval_cycles (needs exploration.kind = mixture or policy)"));
    EXPECT_THAT(unused_options(with({"exploration.credit_signal=accuracy"})),
                ElementsAre("exploration.credit_signal (needs credit = advantage, or exploration.kind = policy)"));
    EXPECT_THAT(unused_options(with({"exploration.kind=policy", "exploration.uniform=lineage"})),
                ElementsAre("exploration.uniform (needs another exploration.kind than policy)"));
    EXPECT_THAT(unused_options(with({"run.device=cpu", "run.deterministic=true", "run.cuda_graphs=false"})),
                ElementsAre("run.deterministic, run.cuda_graphs (needs another run.device than cpu)"));
    EXPECT_THAT(unused_options(with({"sampling.forget_rate=0.3", "sampling.forget_epochs=2"})),
                ElementsAre("sampling.forget_rate, sampling.forget_epochs (needs sampling.rule = small-loss)"));
}

std::string refusal_in_place(const std::string& document, const Settings& settings) {
    const auto file = std::filesystem::temp_directory_path() / text("places-", getpid(), ".toml");
    std::ofstream(file) << document;
    Places places;
    const Options options = read_configuration(file, settings, &places);
    std::filesystem::remove(file);
    try {
        check_in_place(places, [&] { check_consistency(options); });
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::usage);
        const std::string message = error.what();
        return message.starts_with(file.string()) ? message.substr(file.string().size()) : message;
    }
    return "no refusal";
}

TEST(Consistency, refusals_name_the_line) {
    using ::testing::StartsWith;
    const std::string steps = "[training]\nschedule = \"step\"\nmilestones = [3, 2]\n";
    EXPECT_THAT(refusal_in_place(steps + "[data]\nname = \"synthetic\"\n", {}), StartsWith(":3: training.milestones"));
    EXPECT_THAT(refusal_in_place(steps + "[data]\nname = \"synthetic\"\n", {"training.milestones=[2, 2]"}),
                StartsWith("--set: training.milestones"));
    EXPECT_THAT(refusal_in_place("\n[data]\nname = \"mnist\"\n", {}), StartsWith(":3: data.path is missing"));
    EXPECT_THAT(refusal_in_place("", {}), StartsWith("data.path is missing")); // the default is named nowhere
}

} // namespace
} // namespace autosampling
