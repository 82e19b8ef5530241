#include "autosampling/population/progress.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/base/stopwatch.hpp"

#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>

namespace autosampling {

namespace {

// 1 h 02 min, 3 min 05 s, 12.3 s
std::string duration(double seconds) {
    std::ostringstream out;
    const auto whole = std::llround(seconds);
    if (whole >= 3600) {
        out << whole / 3600 << " h " << std::setw(2) << std::setfill('0') << whole % 3600 / 60 << " min";
    } else if (whole >= 60) {
        out << whole / 60 << " min " << std::setw(2) << std::setfill('0') << whole % 60 << " s";
    } else {
        out << std::fixed << std::setprecision(1) << seconds << " s";
    }
    return std::move(out).str();
}

// What a cycle was for each member.
void say_members(const CycleRow& row, Log& log) {
    for (std::size_t member = 0; member < row.reward.size(); ++member) {
        std::ostringstream line;
        line << std::setprecision(4) << "member " << member << (row.finite[member] ? "" : " not finite") << "  reward "
             << row.reward[member] << " (accuracy " << row.reward_accuracy[member] << ", loss "
             << row.reward_loss[member] << ")  train loss " << row.train_loss[member] << "  learning rate "
             << row.learning_rate[member];
        if (!row.parent.empty()) line << "  goes on from member " << row.parent[member];
        line << "  trained " << row.seconds_train[member] << " s, measured " << row.seconds_reward[member]
             << " s, waited " << row.seconds_wait[member] << " s";
        log.debug(std::move(line).str());
    }
}

} // namespace

Progress::Progress(const Options& options, const Plan& plan, std::filesystem::path run, std::int64_t link,
                   std::int64_t first_cycle)
    : options_(options), plan_(plan), run_(std::move(run)), first_cycle_(first_cycle),
      start_(std::chrono::steady_clock::now()), last_line_(start_) {
    now_.cycles = first_cycle;
    now_.cycles_planned = plan.cycles;
    now_.link = link;
    now_.members = plan.members;
    now_.reward = name_of(options.population.reward);
    now_.best_reward = now_.average_reward = now_.average_reward_error = now_.test_accuracy = now_.test_loss =
        std::numeric_limits<double>::quiet_NaN();
}

void Progress::cycle(const CycleRow& row, Log& log) {
    if (options_.run.log_level == LogLevel::debug) say_members(row, log);
    take_cycle(row, now_);
    const auto time = std::chrono::steady_clock::now();
    const bool last = now_.cycles == plan_.cycles;
    if (time - last_line_ < std::chrono::seconds(1) && !last && row.cycle != first_cycle_) return;
    last_line_ = time;

    const double elapsed = std::chrono::duration<double>(time - start_).count();
    const auto done = static_cast<double>(now_.cycles - first_cycle_);
    const double rate = done * static_cast<double>(plan_.members * plan_.draws) / elapsed;
    const bool averages = row.winner < 0;
    const auto finite = static_cast<double>(now_.members - now_.members_not_finite);
    const double spread = finite > 1 ? now_.average_reward_error * std::sqrt(finite - 1) : 0;
    double accuracy = 0, train_loss = 0;
    for (std::size_t member = 0; member < row.finite.size(); ++member) {
        if (!row.finite[member]) continue;
        accuracy += row.reward_accuracy[member];
        train_loss += row.train_loss[member];
    }
    const double p = accuracy / finite;
    const double binomial = std::sqrt(p * (1 - p) / static_cast<double>(plan_.reward_images_per_cycle));
    std::ostringstream line;
    line << std::fixed << std::setprecision(4) << "cycle " << now_.cycles << "/" << plan_.cycles << "  "
         << options_.population.reward << (averages ? " of the mean " : " best ") << now_.best_reward << " mean "
         << now_.average_reward << " spread " << spread;
    if (plan_.targets == 0) line << " (binomial error of an accuracy " << binomial << ")";
    line << "  train loss " << (averages ? train_loss / finite : row.train_loss[to_size(row.winner)]) << "  "
         << std::setprecision(0) << rate << " images/s  elapsed " << duration(elapsed) << "  remaining "
         << duration(elapsed / done * static_cast<double>(plan_.cycles - now_.cycles));
    log.info(std::move(line).str());
}

void Progress::epoch(const EpochRow& row, Log& log) {
    now_.epochs = row.epoch;
    now_.test_accuracy = row.test_accuracy;
    now_.test_loss = row.test_loss;
    std::ostringstream line;
    const char* const judged = options_.population.selection == SelectionRule::mean ? "mean " : "winner ";
    line << std::fixed << std::setprecision(4) << "epoch " << row.epoch << " complete: test ";
    if (plan_.targets == 0)
        line << "accuracy of the " << judged << row.test_accuracy << ", test loss " << row.test_loss;
    if (plan_.targets > 0) line << "loss of the " << judged << row.test_loss;
    log.info(std::move(line).str());
}

void Progress::go_on(Summary recorded) {
    recorded.cycles_planned = now_.cycles_planned;
    recorded.link = now_.link;
    recorded.members = now_.members;
    recorded.reward = now_.reward;
    now_ = std::move(recorded);
}

Summary Progress::snapshot() const {
    Summary snapshot = now_;
    snapshot.seconds = seconds_since(start_);
    return snapshot;
}

void Progress::write_summary(Summary summary, const std::string& state) const {
    summary.state = state;
    summary.record = state == "finished" ? run_ / "run.h5" : run_ / "record";
    autosampling::write_summary(run_ / "summary.json", summary);
}

} // namespace autosampling
