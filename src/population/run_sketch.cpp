#include "autosampling/population/run_sketch.hpp"

#include "autosampling/base/narrow.hpp"
#include "autosampling/population/hyperparameters.hpp"
#include "autosampling/population/launch.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/population/selection.hpp"
#include "autosampling/sampling/rules.hpp"
#include "autosampling/sampling/timetable.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

namespace autosampling {

namespace {

constexpr std::int64_t most_examples = 1 << 20;
constexpr std::int64_t most_cycles = 1 << 12;
constexpr std::int64_t most_learned = 1 << 19; // draws that are learned from
// What tells how a column grows, so much that half of it is packed, too: draws in the rows of cycles, of one line
// of ancestors, and at most; and bytes in the rows of epochs and of rounds.
constexpr std::int64_t enough_draws = 1 << 17, enough_of_line = 3 << 14, most_draws = 1 << 20;
constexpr std::int64_t enough_bytes = 3 << 16;

class Sketcher {
  public:
    Sketcher(const Prepared& prepared, RunSketch& sketch)
        : options_(prepared.options), plan_(prepared.plan), sketch_(sketch), header_(sketch.header),
          timetable_(options_.exploration, plan_.training_images, plan_.draws, plan_.batches_per_cycle),
          sampler_(make_sampler(prepared)),
          rule_(make_rule(options_.sampling, {options_.run.seed, header_.label, narrow<std::uint32_t>(plan_.draws),
                                              plan_.cycles, sampler_})),
          hyperparameters_(options_) {
        if (const auto& policy = sampler_.policy()) header_.weight_names = policy->signals().weight_names();
    }

    void make_rows() {
        for (std::int64_t cycle = 0; cycle < cycles_sketched(); ++cycle)
            sketch_.rows.cycles.push_back(cycle_row(cycle));
        const std::int64_t epochs = std::min(timetable_.epochs_complete(plan_.cycles), rows_of(8 * plan_.classes));
        for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) sketch_.rows.epochs.push_back(epoch_row(epoch));
        const std::int64_t rounds = plan_.rounds > 0 ? std::min(plan_.rounds + 1, rows_of(sketch_.images())) : 0;
        for (std::int64_t round = 0; round < rounds; ++round) sketch_.rows.rounds.push_back(round_row(round));
    }

    // The run's last cycles, after which its checkpoints are as large as ever.
    void make_sampling() {
        const std::int64_t drawing =
            options_.exploration.kind == ExplorationKind::policy || options_.exploration.credit == Credit::advantage
                ? plan_.members
                : std::max<std::int64_t>(1, header_.slots);
        const std::int64_t wanted = most_learned / (drawing * plan_.draws);
        const std::int64_t cycles = std::min(plan_.cycles, std::clamp<std::int64_t>(wanted, 2, most_cycles));
        for (std::int64_t cycle = plan_.cycles - cycles; cycle < plan_.cycles; ++cycle) {
            if (cycle + 1 == plan_.cycles) sketch_.before_end = index(cycle);
            learn(cycle);
        }
        sketch_.last = index(plan_.cycles);
        sketch_.cycles_learned = cycles;
        sketch_.final = final_distribution(std::move(sampler_));
    }

  private:
    Sampler make_sampler(const Prepared& prepared) const {
        if (options_.exploration.kind != ExplorationKind::policy) return autosampling::make_sampler(options_, header_);
        std::vector<Column> columns = prepared.columns;
        for (Column& column : columns) column.value.resize(to_size(sketch_.images()));
        return {options_.exploration, options_.run.seed, narrow<std::uint32_t>(plan_.draws), plan_.batches_per_cycle,
                make_policy(options_, header_.label, plan_.classes, columns)};
    }

    std::uint32_t below(std::int64_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, narrow<std::uint32_t>(bound - 1))(random_);
    }
    // Rows with a column of so many bytes each.
    static std::int64_t rows_of(std::int64_t bytes) {
        return std::max<std::int64_t>(4, enough_bytes / std::max<std::int64_t>(1, bytes));
    }
    std::int64_t cycles_sketched() const {
        const std::int64_t all = std::max<std::int64_t>(1, header_.slots * plan_.draws);
        const std::int64_t wanted =
            std::max(enough_draws / all, std::min(enough_of_line / plan_.draws, most_draws / all));
        return std::min(plan_.cycles, std::clamp<std::int64_t>(wanted, 2, most_cycles));
    }
    bool closes_round(std::int64_t cycle) const {
        return plan_.rounds > 0 && (timetable_.explores(cycle + 1) || cycle + 1 == plan_.cycles);
    }

    Selection select_at_random(std::int64_t cycle) {
        std::vector<Outcome> outcomes(to_size(plan_.members));
        for (std::size_t member = 0; member < outcomes.size(); ++member)
            outcomes[member] = {
                .member = narrow<std::int32_t>(member), .finite = 1, .reward = static_cast<double>(below(1 << 20))};
        PopulationOptions rule = options_.population;
        if (plan_.rounds > 0 && !closes_round(cycle)) rule.selection = SelectionRule::none;
        return select(rule, outcomes, options_.run.seed, cycle);
    }

    CycleRow cycle_row(std::int64_t cycle) {
        const auto members = to_size(plan_.members), slots = to_size(header_.slots), draws = to_size(header_.draws);
        CycleRow row;
        row.cycle = cycle;
        for (const auto column : {&CycleRow::reward, &CycleRow::reward_accuracy, &CycleRow::reward_loss,
                                  &CycleRow::train_loss, &CycleRow::learning_rate, &CycleRow::weight_decay,
                                  &CycleRow::seconds_train, &CycleRow::seconds_reward, &CycleRow::seconds_wait})
            (row.*column).assign(members, 0);
        row.seconds_cycle = row.seconds_gather = row.seconds_exchange = row.seconds_record = 0;
        if (hyperparameters_.vary()) row.learning_rate_factor = row.weight_decay_factor = row.reward;
        row.finite.assign(members, 1);
        row.epoch = narrow<std::int32_t>(timetable_.epochs_complete(cycle));
        row.state_hash = random_();
        if (plan_.rounds > 0) row.round = narrow<std::int32_t>(timetable_.round(cycle));
        if (options_.record.losses) row.draw_loss.assign(slots * draws, 0);
        if (rule_) row.draw_weight.assign(slots * draws, 0);
        if (slots == 0) {
            row.mean_reward = row.mean_reward_accuracy = row.mean_reward_loss = 0;
            return row;
        }
        const Selection selection = select_at_random(cycle);
        row.parent = selection.parent;
        row.winner = selection.winner;
        row.survivor = selection.survivors;
        for (std::size_t draw = 0; draw < row.survivor.size() * draws; ++draw)
            row.survivor_schedule.push_back(narrow<std::int32_t>(below(plan_.training_images)));
        row.survivor.resize(slots, -1);
        row.survivor_schedule.resize(slots * draws, -1);
        return row;
    }

    EpochRow epoch_row(std::int64_t epoch) {
        EpochRow row;
        row.epoch = narrow<std::int32_t>(epoch);
        for (std::int64_t label = 0; label < plan_.classes; ++label)
            row.test_correct.push_back(below(1 + plan_.test_images / plan_.classes));
        return row;
    }

    RoundRow round_row(std::int64_t round) {
        const Signals& signals = sampler_.policy()->signals();
        const std::size_t weights = header_.weight_names.size();
        RoundRow row;
        row.round = narrow<std::int32_t>(round);
        row.policy_weight.assign(weights, 0);
        row.policy_perturbation.assign(weights * to_size(plan_.members), 0);
        row.class_reward_loss.assign(to_size(plan_.classes), 0);
        row.loss_level.assign(to_size(sketch_.images()), 0);
        if (round > 0 && !signals.loss_levels().empty())
            for (std::uint8_t& level : row.loss_level) level = narrow<std::uint8_t>(1 + below(LossRanks::quantiles));
        return row;
    }

    void learn(std::int64_t cycle) {
        const Selection selection = select_at_random(cycle);
        const auto members = to_size(plan_.members), draws = to_size(plan_.draws);
        Evidence evidence;
        for (std::size_t member = 0; member < members; ++member) evidence.loss.push_back(below(1 << 20));
        evidence.accuracy = evidence.loss;
        evidence.finite.assign(members, 1);
        evidence.survivors = selection.survivors;
        evidence.position.assign(members, 0);
        evidence.counted = sampler_.counted(evidence.finite, evidence.survivors);
        evidence.schedules.resize(evidence.counted.size() * draws);
        for (std::size_t i = 0; i < evidence.counted.size(); ++i) {
            const auto schedule = std::span(evidence.schedules).subspan(i * draws, draws);
            const auto member = narrow<std::uint32_t>(evidence.counted[i]);
            if (rule_)
                rule_->draw(cycle, 0, schedule);
            else
                evidence.position[member] = sampler_.draw(member, cycle, 0, schedule);
        }
        for (std::size_t i = 0; i < evidence.schedules.size(); ++i)
            evidence.draw_loss.push_back(0x1p-20F * static_cast<float>(below(1 << 22)));
        sampler_.learn(cycle, evidence);
        if (rule_) rule_->learn(evidence.schedules, evidence.draw_loss);
        if (closes_round(cycle))
            sampler_.close_round(std::vector<double>(to_size(plan_.classes), 0), 1);
        else if (plan_.rounds == 0 && timetable_.explores(cycle + 1))
            sampler_.adopt(sampler_.estimate());
        latest_ = selection;
    }

    CheckpointIndex index(std::int64_t cycle) const {
        CheckpointIndex index;
        index.cycle = cycle;
        index.state_of.assign(to_size(plan_.members), 0);
        index.state_files = latest_.winner < 0 ? std::vector<std::int32_t>{0} : latest_.survivors;
        index.state_hash.assign(index.state_files.size(), 0);
        index.sampling = sampler_.save();
        hyperparameters_.save(index.sampling);
        if (rule_) rule_->save(index.sampling);
        index.header = header_;
        index.launch = sketch_.launch;
        return index;
    }

    const Options& options_;
    const Plan& plan_;
    RunSketch& sketch_;
    RunHeader& header_;
    Timetable timetable_;
    std::mt19937_64 random_;
    Sampler sampler_;
    std::unique_ptr<SamplingRule> rule_;
    Hyperparameters hyperparameters_;
    Selection latest_;
};

} // namespace

RunSketch sketch_run(const Prepared& prepared, const DatasetPlan& data, Launch launch) {
    RunSketch sketch;
    sketch.launch = std::move(launch);
    RunHeader& header = sketch.header = make_header(prepared, data, 0);
    const std::int64_t all = header.training_images;
    header.training_images = std::min(all, std::max(most_examples, 4 * header.draws));
    const auto shorten = [&header, all](auto& values) {
        const std::int64_t size = std::ssize(values) * header.training_images / all;
        values.resize(to_size(size));
    };
    shorten(header.label), shorten(header.true_label), shorten(header.split_training);
    const auto columns = std::exchange(header.column_value, {});
    for (std::int64_t column = 0; column < std::ssize(header.column_names); ++column) // each its first values
        header.column_value.insert(header.column_value.end(), columns.begin() + column * all,
                                   columns.begin() + column * all + header.training_images);
    shorten(header.reward_label), shorten(header.reward_true_label), shorten(header.split_reward);
    Sketcher sketcher(prepared, sketch);
    sketcher.make_rows();
    sketcher.make_sampling();
    return sketch;
}

} // namespace autosampling
