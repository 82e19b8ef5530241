#include "autosampling/population/recount.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/sampling/credit.hpp"

#include <algorithm>

namespace autosampling {

void recount(Sampler& sampler, const ExplorationOptions& options, const CycleRow& row) {
    const std::vector<std::int32_t>& slots = row.survivor;
    Evidence evidence;
    evidence.accuracy = row.reward_accuracy;
    evidence.loss = row.reward_loss;
    evidence.finite = row.finite;
    if (row.winner >= 0)
        evidence.survivors.assign(slots.begin(), std::find(slots.begin(), slots.end(), -1));
    else
        evidence.survivors = finite_members(row.finite); // their mean goes on
    evidence.counted = sampler.counted(evidence.finite, evidence.survivors);
    const std::size_t draws = sampler.draws();
    evidence.schedules.resize(evidence.counted.size() * draws);
    evidence.position.resize(row.finite.size(), 0);
    const auto draw = [&](std::size_t member, std::span<std::uint32_t> out) {
        return sampler.draw(narrow<std::uint32_t>(member), row.cycle, narrow<std::uint8_t>(row.attempt), out);
    };
    std::vector<std::uint32_t> unused(draws); // a member's stream goes on, be it finite or not
    for (std::size_t member = 0; sampler.policy() && member < row.finite.size(); ++member)
        if (!row.finite[member]) evidence.position[member] = draw(member, unused);
    for (std::size_t i = 0; i < evidence.counted.size(); ++i) {
        const std::int32_t member = evidence.counted[i];
        const auto schedule = std::span(evidence.schedules).subspan(i * draws, draws);
        evidence.position[to_size(member)] = draw(member, schedule);
        const auto slot = std::find(slots.begin(), slots.end(), member) - slots.begin();
        if (slot == std::ssize(slots)) continue; // not recorded
        const auto recorded = row.survivor_schedule.begin() + slot * narrow<std::ptrdiff_t>(draws);
        if (options.kind == ExplorationKind::none) std::copy_n(recorded, draws, schedule.begin());
        VALIDATE(std::equal(schedule.begin(), schedule.end(), recorded,
                            [](std::uint32_t a, std::int32_t b) { return narrow<std::int32_t>(a) == b; }),
                 ExitCode::checkpoint, "cycle ", row.cycle, ": the recorded sub-schedule of member ", member,
                 " is not the one that its options draw (another version, or a damaged record?)");
    }
    sampler.learn(row.cycle, evidence);
    if (!sampler.policy() && sampler.timetable().explores(row.cycle + 1)) sampler.adopt(sampler.estimate());
}

Policy make_policy(const Options& options, std::span<const std::int32_t> label, std::int64_t classes,
                   std::span<const Column> columns) {
    return {options.exploration, options.run.seed, narrow<std::uint32_t>(options.population.members),
            Signals(options.exploration.signals, label, classes, columns)};
}

namespace {

// As they were recorded: a column's words are in the names of its weights.
std::vector<Column> recorded_columns(const RunHeader& header) {
    std::vector<Column> columns;
    auto value = header.column_value.begin();
    for (const std::string& name : header.column_names) {
        Column& column = columns.emplace_back(Column{name, {}, {}});
        const std::string prefix = word_weight(name, "");
        for (const std::string& weight : header.weight_names)
            if (weight.starts_with(prefix)) column.words.push_back(weight.substr(prefix.size()));
        column.value.assign(value, value + header.training_images);
        value += header.training_images;
    }
    return columns;
}

} // namespace

Sampler make_sampler(const Options& options, const RunHeader& header) {
    const auto draws = narrow<std::uint32_t>(header.draws);
    if (options.exploration.kind == ExplorationKind::policy)
        return {options.exploration, options.run.seed, draws, options.population.cycle_batches,
                make_policy(options, header.label, header.classes, recorded_columns(header))};
    Sampler sampler(options.exploration, options.run.seed, narrow<std::uint32_t>(header.training_images), draws,
                    Perturbation(options.run.seed, options.exploration.perturbation));
    if (sampler.timetable().explores(0)) sampler.adopt(sampler.estimate());
    return sampler;
}

FinalDistribution final_distribution(Sampler sampler) {
    sampler.adopt(sampler.estimate());
    const Tally& tally = sampler.tally();
    FinalDistribution final;
    final.count.assign(tally.count().begin(), tally.count().end());
    final.probability = sampler.probability();
    final.draw_count.assign(tally.draws().begin(), tally.draws().end());
    final.credit.assign(tally.credit().begin(), tally.credit().end());
    for (std::size_t index = 0; index < tally.draws().size(); ++index)
        final.score.push_back(score(tally.credit()[index], tally.draws()[index]));
    return final;
}

Sampler recount(const RecordedRun& run, const Options& options, std::int64_t cycles,
                const std::function<void(std::int64_t, const Sampler&)>& after) {
    Sampler sampler = make_sampler(options, run.header);
    for (const std::filesystem::path& path : run.extent.segments) {
        const Segment segment = read_segment(path);
        auto round = segment.rounds.begin();
        const auto enter_rounds = [&](std::int64_t cycles_done) {
            for (; round != segment.rounds.end() && round->round_cycle <= cycles_done; ++round)
                sampler.enter_round(round->round, round->policy_weight, round->class_reward_loss, round->loss_level);
        };
        for (const CycleRow& row : segment.cycles) {
            if (row.cycle >= cycles) return sampler;
            enter_rounds(row.cycle);
            recount(sampler, options.exploration, row);
            enter_rounds(row.cycle + 1);
            if (after) after(row.cycle + 1, sampler);
        }
    }
    return sampler;
}

} // namespace autosampling
