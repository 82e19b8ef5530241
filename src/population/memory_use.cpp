#include "autosampling/population/memory_use.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/population/placement.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/sampling/credit.hpp"
#include "autosampling/sampling/rules.hpp"
#include "autosampling/sampling/signals.hpp"

#include <algorithm>

namespace autosampling {

namespace {

std::int64_t state_bytes(const Options& options, int ranks, const Plan& plan) {
    const int teams = std::max(1, ranks / static_cast<int>(options.population.ranks_per_member));
    const Placement placement(plan.members, teams);
    const std::int64_t members = placement.most_members();
    const bool best = options.population.selection == SelectionRule::best && plan.rounds == 0;
    const bool mean = options.population.selection == SelectionRule::mean;
    const std::int64_t starts = std::min(members, most_survivors(options));
    const auto lanes = narrow<std::int64_t>(placement.at_once(options.population.members_at_once));
    // Those at work, those at the start of a cycle, those at its end whose trainer another member needed (or that are
    // averaged), those that a checkpoint writes, and the winner's for the tests.
    const std::int64_t kept = best ? std::min<std::int64_t>(members - lanes, 1) : mean ? members : members - lanes;
    const std::int64_t states = lanes + starts + kept + starts + 1;
    const std::int64_t received =
        mean ? (plan.members - members) * plan.state_length / teams : 0;             // of which the mean is made
    return 4 * (states * plan.state_length + received + 2 * lanes * plan.gradients); // with what is added to them
}

// What a training image takes: always; while a checkpoint is being written; while run.h5 is being made.
struct ImageBytes {
    std::int64_t always = 0, checkpoint = 0, end = 0;
};

ImageBytes image_bytes(const Options& options) {
    const ExplorationOptions& exploration = options.exploration;
    const bool credits = make_credit(exploration)->keeps_credits(),
               policy = exploration.kind == ExplorationKind::policy;
    const std::int64_t row_and_labels = 12, counts = credits ? 16 : 4, order = 4, touched = 4;
    const std::int64_t pool = exploration.uniform == UniformDraws::lineage ? order : 0;
    const std::int64_t signals = policy ? std::ssize(exploration.signals) : 0, losses = policy ? 16 : 0;
    const std::int64_t columns = policy ? 8 * std::ssize(columns_of(exploration.signals)) : 0;
    ImageBytes bytes;
    bytes.always = columns + 2 * row_and_labels + counts + 2 * order + touched / 2 + 2 * pool + 2 * signals + losses;
    bytes.checkpoint = columns + row_and_labels + counts + order + touched + pool + 4 * signals + losses * 5 / 4;
    bytes.end = order + (credits ? 40 : 16); // count and probability; draws, credit and score
    return bytes;
}

} // namespace

std::int64_t rank_bytes(const Options& options, int ranks, const Plan& plan) {
    const ImageBytes image = image_bytes(options);
    const std::int64_t images = plan.training_images, rule = rule_bytes(options.sampling, images);
    const std::int64_t others = 24 * plan.reward_images + 12 * plan.test_images;
    return state_bytes(options, ranks, plan) + others + image.always * images + rule +
           std::max(image.checkpoint * images + rule, image.end * images);
}

} // namespace autosampling
