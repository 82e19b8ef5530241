#include "autosampling/population/doubts.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/sampling/timetable.hpp"
#include "autosampling/training/script.hpp"

#include <algorithm>

namespace autosampling {

namespace {

bool draws_what_was_learned(const ExplorationOptions& options, const Plan& plan) {
    const Timetable timetable(options, plan.training_images, plan.draws, plan.batches_per_cycle);
    bool explored = false, drawn = false;
    for (std::int64_t cycle = 0; cycle < plan.cycles && !drawn; ++cycle) {
        explored = explored || timetable.explores(cycle);
        drawn = explored && timetable.learned(cycle);
    }
    return drawn;
}

// The classes that are trained on and have no example in the reward set.
std::vector<std::int32_t> unrewarded_classes(const Plan& plan, const Split& split) {
    if (plan.targets > 0) return {};
    std::vector<bool> trained(to_size(plan.classes)), rewarded(trained.size());
    for (const std::int32_t label : split.training.label) trained[to_size(label)] = true;
    for (const std::int32_t label : split.reward.label) rewarded[to_size(label)] = true;
    std::vector<std::int32_t> found;
    for (std::int32_t label = 0; label < plan.classes; ++label)
        if (trained[to_size(label)] && !rewarded[to_size(label)]) found.push_back(label);
    return found;
}

} // namespace

std::vector<std::string> doubts(const Prepared& prepared) {
    const auto& [options, split, plan, columns] = prepared;
    const auto& exploration = options.exploration;
    const bool learns = exploration.kind == ExplorationKind::mixture;
    std::vector<std::string> found;
    if (learns && !draws_what_was_learned(exploration, plan))
        found.push_back(text("exploration.kind = mixture never draws from what it learned (first_epoch is ",
                             exploration.first_epoch, ", and the run has ", options.training.epochs,
                             " epochs): lower exploration.first_epoch and uniform_epochs, or raise training.epochs"));
    const bool replays = options.replay.mode != ReplayMode::none;
    if (plan.rounds == 1 && !replays)
        found.emplace_back("exploration.kind = policy never draws by what it learned (the run is one round): lower "
                           "exploration.interval_epochs or interval_cycles, or raise training.epochs");
    if (exploration.kind != ExplorationKind::none && plan.members == 1 && !replays)
        found.push_back(text("there is one member (",
                             learns && exploration.credit == Credit::advantage
                                 ? "advantage credit learns from differences between members"
                                 : "selection needs several",
                             "): raise population.members, or set exploration.kind = none"));
    if (options.population.selection == SelectionRule::top_k && plan.members > 1 &&
        options.population.survivors == plan.members)
        found.emplace_back("all members survive every cycle (population.survivors is their number): lower it");
    if (ignores_training(options.model.name))
        found.push_back(text("batch norm or dropout in ", options.model.name,
                             " is the same in training and in tests (it was traced, or goes by a constant): make it by "
                             "torch.jit.script(network), not by torch.jit.trace"));
    if (const auto classes = unrewarded_classes(plan, split); !classes.empty())
        found.push_back(text("the reward set has no example of ", classes.size(), " of ", plan.classes,
                             " classes (the first is ", classes.front(), "; there are ", plan.reward_images,
                             " reward images): raise data.reward_images"));
    return found;
}

} // namespace autosampling
