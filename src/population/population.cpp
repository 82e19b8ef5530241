#include "autosampling/population/population.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"
#include "autosampling/population/evaluation.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/population/rows.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace autosampling {

namespace {

bool asked_to_stop(std::span<const RankReport> reports) {
    return std::any_of(reports.begin(), reports.end(), [](const RankReport& report) { return report.stop != 0; });
}

} // namespace

Population::Population(const Context& context, std::int64_t cycle)
    : context_(context),
      placement_(context.plan.members, context.comm.size(), narrow<int>(context.options.population.ranks_per_member)),
      store_(placement_, context.comm.rank(), context.trainer().state().buffer().numel(),
             context.trainer().state().buffer().device(),
             context.options.population.selection != SelectionRule::best || context.sampler.timetable().has_rounds()),
      hyperparameters_(context.options), members_(context_, placement_, store_, hyperparameters_), cycle_(cycle) {}

Population::Population(const Context& context) : Population(context, 0) {
    // Rank 0's initial weights for everyone: they were made with its mathematical library.
    State initial = context_.trainer().copy_state().on_host();
    context_.comm.broadcast(initial.fill(), 0);
    initial = initial.on(context_.trainer().state().buffer().device());
    for (const std::int32_t member : placement_.members_of(context_.comm.rank())) store_.set_start(member, initial);
    if (context_.sampler.timetable().has_rounds()) record_round(0);
    if (context_.sampler.timetable().explores(0)) explore();
}

Population::Population(const Context& context, const CheckpointIndex& checkpoint, const std::filesystem::path& run)
    : Population(context, checkpoint.cycle) {
    context_.comm.agree([&] {
        context_.sampler.load(checkpoint.sampling);
        hyperparameters_.load(checkpoint.sampling);
        if (SamplingRule* rule = context_.feed.rule()) rule->load(checkpoint.sampling);
        const at::Device device = context_.trainer().state().buffer().device();
        std::map<std::int32_t, State> states; // by number: members share what they went on from
        for (const std::int32_t member : placement_.members_of(context_.comm.rank())) {
            const std::int32_t number = checkpoint.state_of.at(to_size(member));
            if (!states.contains(number)) {
                const auto found = std::find(checkpoint.state_files.begin(), checkpoint.state_files.end(), number);
                const auto hash = checkpoint.state_hash.at(to_size(found - checkpoint.state_files.begin()));
                states[number] = State::from_host(read_state(checkpoint_folder(run, cycle_), number, hash), device);
            }
            store_.set_start(member, states[number]);
        }
    });
    if (cycle_ == 0 && context_.sampler.timetable().has_rounds()) record_round(0); // no segment has it yet
}

ExitCode Population::run(const volatile std::sig_atomic_t& stop) {
    bool stopping = conclude(report(stop != 0)); // asked while the program was starting?
    while (cycle_ < context_.plan.cycles && !stopping) stopping = run_cycle(stop);
    context_.recorder.finish();
    return cycle_ < context_.plan.cycles ? ExitCode::stopped : ExitCode::finished;
}

bool Population::run_cycle(const volatile std::sig_atomic_t& stop) {
    const auto began = Clock::now();
    context_.log.set_cycle(cycle_);
    context_.comm.set_cycle(cycle_);
    context_.team.set_cycle(cycle_);
    const Trial trial = try_members(stop);
    if (trial.selection.survivors.empty()) return conclude(trial.reports);

    const std::int64_t done = cycle_ + 1;
    const Timetable& timetable = context_.sampler.timetable();
    const bool epoch_ends = timetable.epoch_ends(done);
    const bool explored = closes_round() || timetable.explores(done);
    const State leader = exchange(trial.selection, epoch_ends || closes_round());
    if (closes_round() || trial.selection.winner < 0) {
        complete_exchange();
        evaluate_leader(leader);
    }
    const Evidence evidence = gather_evidence(trial);
    context_.sampler.learn(cycle_, evidence);
    if (SamplingRule* rule = context_.feed.rule()) rule->learn(evidence.schedules, evidence.draw_loss);
    if (explored) explore();
    const std::uint64_t state_hash = hash_leader(trial.selection);
    CycleRow row = make_row(trial, evidence, explored, state_hash);
    hyperparameters_.follow(trial.selection.parent, done, explored);
    complete_exchange(); // the states travelled meanwhile
    cycle_ = done;
    latest_ = trial.selection;
    if (epoch_ends) test(leader);
    close(std::move(row));
    longest_cycle_ = std::max<std::chrono::duration<double>>(longest_cycle_, Clock::now() - began);
    return conclude(trial.reports);
}

// Ends a cycle, or one that is left undone for a stop. Returns whether to stop.
bool Population::conclude(std::span<const RankReport> reports) {
    const Stopwatch stopwatch(times_.record);
    const bool last = cycle_ == context_.plan.cycles;
    const bool stopping = asked_to_stop(reports);
    context_.recorder.after_cycle(cycle_, reports, stopping || last ? CheckpointWhen::now : CheckpointWhen::due,
                                  [this] { return snapshot(); });
    if (stopping && !last) context_.log.info(text("asked to stop: ending after cycle ", cycle_, " with a checkpoint"));
    return stopping;
}

std::vector<RankReport> Population::report(bool stop) const {
    const RankReport mine = context_.recorder.report(stop);
    return context_.comm.all_gather(std::span(&mine, 1));
}

Population::Trial Population::try_members(const volatile std::sig_atomic_t& stop) {
    for (Trial trial;; ++trial.attempt) {
        const auto began = Clock::now();
        const bool no_other = late();
        const std::vector<Outcome> mine = members_.run(cycle_, trial.attempt);
        longest_cycle_ = std::max<std::chrono::duration<double>>(longest_cycle_, Clock::now() - began);
        {
            const Stopwatch stopwatch(times_.gather);
            trial.outcomes = context_.comm.all_gather(std::span(mine)); // by rank, so by member
            trial.reports = report(stop != 0 || no_other);
        }
        PopulationOptions rule = context_.options.population;
        if (context_.sampler.timetable().has_rounds() && !closes_round()) rule.selection = SelectionRule::none;
        trial.selection = select(rule, trial.outcomes, context_.options.run.seed, cycle_);
        if (!trial.selection.survivors.empty()) {
            warn_of_lost(trial.outcomes);
            return trial;
        }
        store_.discard();
        if (trial.attempt == context_.options.population.max_retries) give_up(trial.attempt);
        if (asked_to_stop(trial.reports)) return trial;
        if (context_.comm.is_root())
            context_.log.warning(text("no member is finite: the cycle is repeated with new draws (repetition ",
                                      trial.attempt + 1, " of ", context_.options.population.max_retries, ")"));
    }
}

// Once a rank: one that goes on losing members may be a broken node.
void Population::warn_of_lost(std::span<const Outcome> outcomes) {
    if (!context_.comm.is_root()) return;
    for (const Outcome& outcome : outcomes) {
        const int rank = placement_.rank_of(outcome.member);
        if (!outcome.finite && told_lost_.insert(rank).second)
            context_.log.warning(text("member ", outcome.member, ", ", context_.comm.name_of(rank),
                                      ", is not finite (its loss or weights overflow): it goes on from others; the "
                                      "record has each such case"));
    }
}

// The stop that a wall time asks for: one more cycle like the longest so far would not end before it.
bool Population::late() const {
    return context_.wall && Clock::now() + 2 * longest_cycle_ >= *context_.wall;
}

// Keeps what was reached before this cycle, if anything, and ends the run.
void Population::give_up(std::uint8_t attempt) {
    if (cycle_ > 0) {
        context_.recorder.after_cycle(cycle_, {}, CheckpointWhen::now, [this] { return snapshot(); });
        context_.recorder.finish();
    }
    throw Error(ExitCode::failure,
                text("no member was finite in cycle ", cycle_, " and its ", counted(attempt, "repetition"),
                     " (losses or weights overflow): start a new run with a lower training.learning_rate",
                     cycle_ > 0 ? text(", or go on from the checkpoint after cycle ", cycle_,
                                       " with --resume and a higher population.max_retries")
                                : ""),
                true);
}

Evidence Population::gather_evidence(const Trial& trial) {
    const Stopwatch stopwatch(times_.gather);
    Evidence evidence;
    for (const Outcome& outcome : trial.outcomes) {
        evidence.accuracy.push_back(outcome.accuracy);
        evidence.loss.push_back(outcome.reward_loss);
        evidence.finite.push_back(outcome.finite);
        evidence.position.push_back(outcome.position);
    }
    evidence.survivors = trial.selection.survivors;
    evidence.counted = context_.sampler.counted(evidence.finite, evidence.survivors);
    evidence.schedules = members_.gather_schedules(evidence.counted);
    if (context_.options.record.losses || context_.sampler.timetable().has_rounds())
        evidence.draw_loss = members_.gather_losses(evidence.counted);
    return evidence;
}

bool Population::closes_round() const {
    return autosampling::closes_round(context_.sampler.timetable(), cycle_, context_.plan);
}

// Starts giving every member what it goes on from, and returns what the run is judged by, where this rank holds it: the
// winner's state, or the mean of all, which within a round nobody goes on from.
State Population::exchange(const Selection& selection, bool everywhere) {
    const Stopwatch stopwatch(times_.exchange);
    if (context_.options.population.selection != SelectionRule::mean)
        return store_.exchange(selection, everywhere, context_.transport);
    const bool averaged = selection.winner < 0;
    State mean;
    if (averaged || everywhere) mean = store_.mean(selection.survivors, context_.transport);
    if (averaged)
        store_.adopt(mean);
    else
        store_.exchange(selection, false, context_.transport);
    return mean;
}

void Population::complete_exchange() {
    const Stopwatch stopwatch(times_.exchange);
    context_.transport.complete();
}

// Of what the record names the state of the cycle: the winner's, or the mean of all. 0 where it lies on a device.
// Collective.
std::uint64_t Population::hash_leader(const Selection& selection) {
    if (context_.transport.on_device()) return 0;
    const Stopwatch stopwatch(times_.record);
    const std::int32_t member = std::max(selection.winner, 0); // every member has the mean
    const int rank = placement_.rank_of(member);
    std::uint64_t hash = context_.comm.rank() == rank ? store_.start(member).hash() : 0;
    context_.comm.broadcast(std::span(&hash, 1), rank);
    return hash;
}

// On the reward images of the cycle, or on all of them where a round ends: what is learned by class needs every class.
void Population::evaluate_leader(const State& leader) {
    context_.trainer().load(leader);
    std::vector<std::uint32_t> examples = members_.reward_places();
    if (closes_round()) {
        examples.resize(to_size(context_.plan.reward_images));
        std::iota(examples.begin(), examples.end(), 0U);
    }
    leader_ = leader_of(evaluate_together(context_.comm, context_.trainer(), HeldOut::reward, examples), context_.plan);
}

void Population::explore() {
    if (context_.sampler.policy()) {
        const std::int64_t done = cycle_ + 1;
        context_.sampler.close_round(leader_.class_loss,
                                     static_cast<double>(done) / static_cast<double>(context_.plan.cycles));
        record_round(done);
        return;
    }
    std::vector<double> weights = context_.sampler.estimate();
    context_.comm.broadcast(std::span(weights), 0);
    context_.sampler.adopt(std::move(weights));
}

void Population::record_round(std::int64_t first_cycle) {
    if (context_.comm.is_root())
        context_.recorder.add(round_row(*context_.sampler.policy(), first_cycle, context_.plan));
}

// On rank 0; empty on others.
CycleRow Population::make_row(const Trial& trial, const Evidence& evidence, bool explored, std::uint64_t state_hash) {
    if (!context_.comm.is_root()) return {};
    const Stopwatch stopwatch(times_.record);
    const auto& options = context_.options;
    const Timetable& timetable = context_.sampler.timetable();
    const Selection& selection = trial.selection;
    CycleRow row;
    row.cycle = cycle_;
    row.attempt = trial.attempt;
    row.epoch = narrow<std::int32_t>(timetable.epochs_complete(cycle_));
    row.learned = timetable.learned(cycle_);
    row.explored = explored;
    row.state_hash = state_hash;
    if (context_.sampler.policy()) row.round = narrow<std::int32_t>(timetable.round(cycle_));
    add_outcomes(row, trial.outcomes, placement_);
    std::vector<HyperparameterFactors> factors;
    for (const Outcome& o : trial.outcomes) factors.push_back(members_.factors(o.member, cycle_));
    add_hyperparameters(row, factors, context_.trainer().learning_rate().at(cycle_ * context_.plan.batches_per_cycle),
                        options.training.weight_decay, hyperparameters_.vary());

    const bool averaged = selection.winner < 0;
    const auto slots = to_size(context_.recorder.header().slots);
    if (slots > 0) {
        row.parent = selection.parent;
        row.winner = selection.winner;
        row.survivor = selection.survivors;
    } else {
        const double none = std::numeric_limits<double>::quiet_NaN(); // within a round
        row.mean_reward = averaged ? reward_of(options.population.reward, leader_.accuracy, leader_.loss) : none;
        row.mean_reward_accuracy = averaged ? leader_.accuracy : none;
        row.mean_reward_loss = averaged ? leader_.loss : none;
    }
    add_schedules(row, evidence, slots, to_size(context_.plan.draws), options.record.losses);
    row.draw_weight = members_.draw_weight();
    context_.progress.cycle(row, context_.log);
    return row;
}

// Records a cycle with where its time went. What comes now belongs to the next one.
void Population::close(CycleRow row) {
    row.seconds_cycle = seconds_since(times_.since);
    row.seconds_gather = times_.gather;
    row.seconds_exchange = times_.exchange;
    row.seconds_record = times_.record;
    times_ = {};
    context_.recorder.add(std::move(row));
}

void Population::test(const State& leader) {
    EXPECT(leader);
    context_.trainer().load(leader);
    std::vector<std::uint32_t> examples(to_size(context_.plan.test_images));
    std::iota(examples.begin(), examples.end(), 0U);
    const Score score = evaluate_together(context_.comm, context_.trainer(), HeldOut::test, examples);
    if (!context_.comm.is_root()) return;
    EpochRow row;
    row.epoch = narrow<std::int32_t>(context_.sampler.timetable().epochs_complete(cycle_));
    row.epoch_cycle = cycle_ - 1;
    const auto images = static_cast<double>(score.images);
    row.test_accuracy = accuracy_of(score, score.correct, context_.plan);
    row.test_loss = score.loss_sum / images;
    row.test_correct = score.correct_by_class;
    row.test_accuracy_top5 = context_.plan.classes > 5 ? accuracy_of(score, score.correct_top5, context_.plan)
                                                       : std::numeric_limits<double>::quiet_NaN();
    row.distribution_entropy = context_.sampler.entropy();
    context_.progress.epoch(row, context_.log);
    context_.recorder.add(std::move(row));
}

// What a checkpoint now would hold. Collective.
Snapshot Population::snapshot() const {
    Snapshot taken;
    CheckpointIndex& index = taken.index;
    index.cycle = cycle_;
    const bool averaged = latest_.winner < 0; // then member 0's state is everybody's
    index.winner = averaged ? 0 : latest_.winner;
    index.state_of = averaged ? std::vector<std::int32_t>(to_size(context_.plan.members), 0) : latest_.parent;
    index.state_files = averaged ? std::vector<std::int32_t>{0} : latest_.survivors;
    std::vector<std::uint64_t> hashes; // of the survivors of this rank
    for (const std::int32_t survivor : index.state_files)
        if (placement_.rank_of(survivor) == context_.comm.rank()) {
            const State& state = taken.states[survivor] = store_.start(survivor); // a survivor is its own parent
            hashes.push_back(state.hash());
        }
    index.state_hash = context_.comm.all_gather(std::span<const std::uint64_t>(hashes)); // by rank, so by survivor
    if (!context_.comm.is_root()) return taken;
    index.sampling = context_.sampler.save();
    hyperparameters_.save(index.sampling);
    if (const SamplingRule* rule = context_.feed.rule()) rule->save(index.sampling);
    index.header = context_.recorder.header();
    index.launch = context_.recorder.launch();
    context_.progress.state(index.winner_hash());
    taken.afterwards = [&progress = context_.progress, reached = context_.progress.snapshot()] {
        progress.write_summary(reached, "running");
    };
    return taken;
}

} // namespace autosampling
