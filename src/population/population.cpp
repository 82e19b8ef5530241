#include "autosampling/population/population.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/population/evaluation.hpp"
#include "autosampling/population/recount.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace autosampling {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

bool asked_to_stop(std::span<const RankReport> reports) {
    return std::any_of(reports.begin(), reports.end(), [](const RankReport& report) { return report.stop != 0; });
}

} // namespace

Population::Population(const Context& context, std::int64_t cycle)
    : context_(context), placement_(context.plan.members, context.comm.size(),
                                    static_cast<int>(context.options.population.ranks_per_member)),
      store_(placement_, context.comm.rank(), static_cast<std::size_t>(context.trainer.state().buffer().numel()),
             context.options.population.selection != SelectionRule::best || context.sampler.timetable().has_rounds()),
      hyperparameters_(context.options), cycle_(cycle) {}

Population::Population(const Context& context) : Population(context, 0) {
    // Rank 0's initial weights for everyone: they were made with its mathematical library.
    const auto mine = context_.trainer.host_state();
    std::vector<float> weights(mine.begin(), mine.end());
    context_.comm.broadcast(std::span(weights), 0);
    const State initial = store_.copy(weights);
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
        std::map<std::int32_t, State> states; // by number: members share what they went on from
        for (const std::int32_t member : placement_.members_of(context_.comm.rank())) {
            const std::int32_t number = checkpoint.state_of.at(static_cast<std::size_t>(member));
            if (!states.contains(number)) {
                const auto found = std::find(checkpoint.state_files.begin(), checkpoint.state_files.end(), number);
                const auto hash =
                    checkpoint.state_hash.at(static_cast<std::size_t>(found - checkpoint.state_files.begin()));
                states[number] = store_.copy(read_state(checkpoint_folder(run, cycle_), number, hash));
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
    if (closes_round() || trial.selection.winner < 0) evaluate_leader(leader);
    const Evidence evidence = gather_evidence(trial);
    context_.sampler.learn(cycle_, evidence);
    if (SamplingRule* rule = context_.feed.rule()) rule->learn(evidence.schedules, evidence.draw_loss);
    if (explored) explore();
    record(trial, evidence, explored);
    hyperparameters_.follow(trial.selection.parent, done, explored);
    cycle_ = done;
    latest_ = trial.selection;
    if (epoch_ends) test(leader);
    longest_cycle_ = std::max<std::chrono::duration<double>>(longest_cycle_, Clock::now() - began);
    return conclude(trial.reports);
}

// Ends a cycle, or one that is left undone for a stop. Returns whether to stop.
bool Population::conclude(std::span<const RankReport> reports) {
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
        run_members(trial.attempt);
        longest_cycle_ = std::max<std::chrono::duration<double>>(longest_cycle_, Clock::now() - began);
        trial.outcomes = context_.comm.all_gather(std::span<const Outcome>(mine_)); // by rank, so by member
        trial.reports = report(stop != 0 || no_other);
        PopulationOptions rule = context_.options.population;
        if (context_.sampler.timetable().has_rounds() && !closes_round()) rule.selection = SelectionRule::none;
        trial.selection = select(rule, trial.outcomes, context_.options.run.seed, cycle_);
        if (!trial.selection.survivors.empty()) return trial;
        store_.discard();
        if (trial.attempt == context_.options.population.max_retries) give_up(trial.attempt);
        if (asked_to_stop(trial.reports)) return trial;
        if (context_.comm.is_root())
            context_.log.warning(text("no member is finite: the cycle is repeated with new draws (repetition ",
                                      trial.attempt + 1, " of ", context_.options.population.max_retries, ")"));
    }
}

// The stop that a wall time asks for: one more cycle like the longest so far would not end before it.
bool Population::late() const {
    const double walltime = context_.options.run.walltime;
    return walltime > 0 && seconds_since(context_.began) + 2 * longest_cycle_.count() >= walltime;
}

// Keeps what was reached before this cycle, and ends the run.
void Population::give_up(int attempt) {
    context_.recorder.after_cycle(cycle_, {}, CheckpointWhen::now, [this] { return snapshot(); });
    context_.recorder.finish();
    throw Error(ExitCode::failure,
                text("no member was finite in cycle ", cycle_, " and its ", counted(attempt, "repetition"),
                     " (losses or weights overflow): start a new run with a lower training.learning_rate",
                     cycle_ > 0 ? text(", or go on from the checkpoint after cycle ", cycle_,
                                       " with --resume and a higher population.max_retries")
                                : ""),
                true);
}

void Population::run_members(int attempt) {
    const auto& data = context_.options.data;
    const auto all = static_cast<std::uint32_t>(context_.plan.reward_images);
    reward_examples_ = reward_examples(context_.options.run.seed, cycle_, attempt, all,
                                       static_cast<std::uint32_t>(data.reward_images_per_cycle));
    mine_.clear();
    for (const std::int32_t member : placement_.trained_by(context_.comm.rank())) {
        const Outcome outcome = run_member(member, attempt);
        if (!context_.team.is_root()) continue; // the team's first rank holds its members
        mine_.push_back(outcome);
        store_.keep(outcome, context_.trainer.host_state());
    }
    for (Outcome& outcome : mine_)
        if (outcome.member == store_.best_kept())
            outcome.state_hash = hash_of(std::span<const float>(*store_.kept(outcome.member)));
}

Outcome Population::run_member(std::int32_t member, int attempt) {
    Outcome outcome;
    outcome.member = member;
    auto& indices = schedules_[member];
    indices.resize(static_cast<std::size_t>(context_.plan.draws));
    CycleTask task{indices, cycle_ * context_.plan.batches_per_cycle};

    auto start = Clock::now();
    if (context_.team.is_root()) {
        outcome.position = context_.feed.draw(member, cycle_, attempt, indices);
        context_.trainer.load(*store_.start(member));
        task.augmentation = context_.feed.augmentation(member, cycle_, attempt);
        task.weighting = weigh(attempt);
        task.factors = factors_of(member);
    }
    context_.team.broadcast(std::span(indices), 0);
    context_.team.broadcast(std::span(&task.augmentation, 1), 0);
    context_.team.broadcast(std::span(&task.factors, 1), 0);
    context_.trainer.share_state();
    CycleResult trained = context_.trainer.train(task);
    draw_losses_[member] = std::move(trained.draw_loss);
    if (after_training) after_training(member, cycle_, attempt, context_.trainer);
    outcome.train_loss = trained.train_loss;
    outcome.seconds_train = seconds_since(start);

    start = Clock::now();
    const Score score = evaluate_together(context_.team, context_.trainer, HeldOut::reward, reward_examples_);
    outcome.accuracy = accuracy_of(score, score.correct);
    outcome.reward_loss = score.loss_sum / static_cast<double>(score.images);
    outcome.reward = reward(outcome.accuracy, outcome.reward_loss);
    outcome.finite = trained.finite && std::isfinite(outcome.reward_loss);
    if (!outcome.finite) outcome.reward = std::numeric_limits<double>::quiet_NaN();
    outcome.seconds_reward = seconds_since(start);
    return outcome;
}

// NaN in a regression.
double Population::accuracy_of(const Score& score, std::int64_t correct) const {
    return context_.plan.targets > 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : static_cast<double>(correct) / static_cast<double>(score.images);
}

// As recorded in an exact replay, else the member's own.
HyperparameterFactors Population::factors_of(std::int32_t member) const {
    return context_.feed.recorded_factors(cycle_).value_or(hyperparameters_.of(member));
}

// What a rule has the draws of this cycle weigh; nothing without one.
Weighting Population::weigh(int attempt) {
    const SamplingRule* rule = context_.feed.rule();
    if (!rule) return {};
    draw_weight_.resize(static_cast<std::size_t>(context_.plan.draws));
    rule->weights(cycle_, static_cast<std::uint8_t>(attempt), draw_weight_);
    return {draw_weight_, [rule, cycle = cycle_](std::span<const float> loss, std::span<float> weight) {
                rule->reweigh(cycle, loss, weight);
            }};
}

// K values of each of these members (ascending), one member after the other, on every rank.
template<class T>
std::vector<T> Population::gather_draws(const std::vector<std::int32_t>& members,
                                        const std::map<std::int32_t, std::vector<T>>& mine) const {
    std::vector<T> values;
    for (const std::int32_t member : members)
        if (placement_.rank_of(member) == context_.comm.rank())
            values.insert(values.end(), mine.at(member).begin(), mine.at(member).end());
    return context_.comm.all_gather(std::span<const T>(values));
}

Evidence Population::gather_evidence(const Trial& trial) const {
    Evidence evidence;
    for (const Outcome& outcome : trial.outcomes) {
        evidence.accuracy.push_back(outcome.accuracy);
        evidence.loss.push_back(outcome.reward_loss);
        evidence.finite.push_back(outcome.finite);
        evidence.position.push_back(outcome.position);
    }
    evidence.survivors = trial.selection.survivors;
    evidence.counted = context_.sampler.counted(evidence.finite, evidence.survivors);
    evidence.schedules = gather_draws(evidence.counted, schedules_);
    if (context_.options.record.losses || context_.sampler.timetable().has_rounds())
        evidence.draw_loss = gather_draws(evidence.counted, draw_losses_);
    return evidence;
}

// Whether this cycle is the last of its round; the end of the run ends a round, too.
bool Population::closes_round() const {
    const Timetable& timetable = context_.sampler.timetable();
    return timetable.has_rounds() && (timetable.explores(cycle_ + 1) || cycle_ + 1 == context_.plan.cycles);
}

// Gives every member what it goes on from, and returns what the run is judged by, where this rank holds it: the
// winner's state, or the mean of all, which within a round nobody goes on from.
State Population::exchange(const Selection& selection, bool everywhere) {
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

// On the reward images of the cycle, or on all of them where a round ends: what is learned by class needs every class.
void Population::evaluate_leader(const State& leader) {
    context_.trainer.load(*leader);
    std::vector<std::uint32_t> examples = reward_examples_;
    if (closes_round()) {
        examples.resize(static_cast<std::size_t>(context_.plan.reward_images));
        std::iota(examples.begin(), examples.end(), 0U);
    }
    const Score score = evaluate_together(context_.comm, context_.trainer, HeldOut::reward, examples);
    const auto images = static_cast<double>(score.images);
    leader_ = {accuracy_of(score, score.correct), score.loss_sum / images, {}, 0};
    for (std::size_t label = 0; label < score.loss_by_class.size(); ++label) // 0 / 0 is NaN
        leader_.class_loss.push_back(static_cast<double>(score.loss_by_class[label]) * Score::loss_unit /
                                     static_cast<double>(score.images_by_class[label]));
    if (context_.comm.is_root()) leader_.hash = hash_of(std::span<const float>(*leader));
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

// The round that begins, or could begin, with this cycle.
void Population::record_round(std::int64_t first_cycle) {
    if (!context_.comm.is_root()) return;
    const PolicySearch& search = context_.sampler.policy()->search();
    const Signals& signals = context_.sampler.policy()->signals();
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    RoundRow row;
    row.round = static_cast<std::int32_t>(search.round());
    row.round_cycle = first_cycle;
    row.policy_weight.assign(search.weight().begin(), search.weight().end());
    for (std::uint32_t member = 0; member < context_.plan.members; ++member) {
        const std::vector<double> perturbation = search.perturbation(member);
        row.policy_perturbation.insert(row.policy_perturbation.end(), perturbation.begin(), perturbation.end());
    }
    row.class_reward_loss.assign(signals.class_loss().begin(), signals.class_loss().end());
    row.class_reward_loss.resize(static_cast<std::size_t>(context_.plan.classes), none);
    row.loss_level = signals.loss_levels();
    row.loss_level.resize(static_cast<std::size_t>(context_.plan.training_images), 0);
    context_.recorder.add(std::move(row));
}

void Population::record(const Trial& trial, const Evidence& evidence, bool explored) {
    if (!context_.comm.is_root()) return;
    const Selection& selection = trial.selection;
    std::vector<double> busy(static_cast<std::size_t>(context_.comm.size()), 0); // seconds, by rank
    for (const Outcome& o : trial.outcomes)
        busy[static_cast<std::size_t>(placement_.rank_of(o.member))] += o.seconds_train + o.seconds_reward;
    const double slowest = *std::max_element(busy.begin(), busy.end());

    CycleRow row;
    row.cycle = cycle_;
    for (const Outcome& o : trial.outcomes) {
        const HyperparameterFactors factors = factors_of(o.member);
        row.reward.push_back(o.reward);
        row.reward_accuracy.push_back(o.accuracy);
        row.reward_loss.push_back(o.reward_loss);
        row.train_loss.push_back(o.train_loss);
        row.learning_rate.push_back(factors.learning_rate *
                                    context_.trainer.learning_rate().at(cycle_ * context_.plan.batches_per_cycle));
        row.weight_decay.push_back(factors.weight_decay * context_.options.training.weight_decay);
        if (hyperparameters_.vary()) {
            row.learning_rate_factor.push_back(factors.learning_rate);
            row.weight_decay_factor.push_back(factors.weight_decay);
        }
        row.seconds_train.push_back(o.seconds_train);
        row.seconds_reward.push_back(o.seconds_reward);
        row.seconds_wait.push_back(slowest - busy[static_cast<std::size_t>(placement_.rank_of(o.member))]);
        row.finite.push_back(o.finite);
    }
    const auto slots = static_cast<std::size_t>(context_.recorder.header().slots);
    const bool averaged = selection.winner < 0;
    if (slots > 0) {
        row.parent = selection.parent;
        row.winner = selection.winner;
    } else {
        const double none = std::numeric_limits<double>::quiet_NaN(); // within a round
        row.mean_reward = averaged ? reward(leader_.accuracy, leader_.loss) : none;
        row.mean_reward_accuracy = averaged ? leader_.accuracy : none;
        row.mean_reward_loss = averaged ? leader_.loss : none;
    }
    if (context_.sampler.policy()) row.round = static_cast<std::int32_t>(context_.sampler.timetable().round(cycle_));
    row.attempt = trial.attempt;
    row.epoch = static_cast<std::int32_t>(context_.sampler.timetable().epochs_complete(cycle_));
    row.learned = context_.sampler.timetable().learned(cycle_);
    row.explored = explored;
    row.state_hash = averaged ? leader_.hash : trial.outcomes[static_cast<std::size_t>(selection.winner)].state_hash;
    const auto draws = static_cast<std::size_t>(context_.plan.draws);
    if (slots > 0) row.survivor = selection.survivors;
    for (const std::int32_t survivor : row.survivor) {
        const auto& counted = evidence.counted;
        const auto place = std::lower_bound(counted.begin(), counted.end(), survivor) - counted.begin();
        const auto append = [&](const auto& all, auto& recorded) {
            const auto begin = all.begin() + place * context_.plan.draws;
            recorded.insert(recorded.end(), begin, begin + context_.plan.draws);
        };
        append(evidence.schedules, row.survivor_schedule);
        if (context_.options.record.losses) append(evidence.draw_loss, row.draw_loss);
    }
    row.survivor.resize(slots, -1);
    row.survivor_schedule.resize(slots * draws, -1);
    if (context_.options.record.losses) row.draw_loss.resize(slots * draws, std::numeric_limits<float>::quiet_NaN());
    row.draw_weight = draw_weight_;
    context_.progress.cycle(row, context_.log);
    context_.recorder.add(std::move(row));
}

void Population::test(const State& leader) {
    EXPECT(leader != nullptr);
    context_.trainer.load(*leader);
    std::vector<std::uint32_t> examples(static_cast<std::size_t>(context_.plan.test_images));
    std::iota(examples.begin(), examples.end(), 0U);
    const Score score = evaluate_together(context_.comm, context_.trainer, HeldOut::test, examples);
    if (!context_.comm.is_root()) return;
    EpochRow row;
    row.epoch = static_cast<std::int32_t>(context_.sampler.timetable().epochs_complete(cycle_));
    row.epoch_cycle = cycle_ - 1;
    const auto images = static_cast<double>(score.images);
    row.test_accuracy = accuracy_of(score, score.correct);
    row.test_loss = score.loss_sum / images;
    row.test_correct = score.correct_by_class;
    row.test_accuracy_top5 =
        context_.plan.classes > 5 ? accuracy_of(score, score.correct_top5) : std::numeric_limits<double>::quiet_NaN();
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
    index.state_of =
        averaged ? std::vector<std::int32_t>(static_cast<std::size_t>(context_.plan.members), 0) : latest_.parent;
    index.state_files = averaged ? std::vector<std::int32_t>{0} : latest_.survivors;
    std::vector<std::uint64_t> hashes; // of the survivors of this rank
    for (const std::int32_t survivor : index.state_files)
        if (placement_.rank_of(survivor) == context_.comm.rank()) {
            const State& state = taken.states[survivor] = store_.start(survivor); // a survivor is its own parent
            hashes.push_back(hash_of(std::span<const float>(*state)));
        }
    index.state_hash = context_.comm.all_gather(std::span<const std::uint64_t>(hashes)); // by rank, so by survivor
    if (!context_.comm.is_root()) return taken;
    index.sampling = context_.sampler.save();
    hyperparameters_.save(index.sampling);
    if (const SamplingRule* rule = context_.feed.rule()) rule->save(index.sampling);
    index.header = context_.recorder.header();
    index.launch = context_.recorder.launch();
    taken.afterwards = [&progress = context_.progress, reached = context_.progress.snapshot()] {
        progress.write_summary(reached, "running");
    };
    return taken;
}

} // namespace autosampling
