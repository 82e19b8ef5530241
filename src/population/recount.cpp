#include "autosampling/population/recount.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/credit.hpp"

#include <algorithm>

namespace autosampling {

std::vector<std::int32_t> counted_members(const ExplorationOptions& options, std::span<const std::uint8_t> finite,
                                          std::span<const std::int32_t> survivors) {
    if (options.credit != Credit::advantage) return {survivors.begin(), survivors.end()};
    std::vector<std::int32_t> counted;
    for (std::size_t member = 0; member < finite.size(); ++member)
        if (finite[member]) counted.push_back(static_cast<std::int32_t>(member));
    return counted;
}

std::vector<Contribution> contributions(const ExplorationOptions& options, std::span<const double> signal,
                                        std::span<const std::uint8_t> finite, std::span<const std::int32_t> survivors,
                                        std::span<const std::int32_t> counted,
                                        std::span<const std::uint32_t> schedules) {
    const bool advantage_credit = options.credit == Credit::advantage;
    const std::vector<std::int32_t> z =
        advantage_credit ? advantage(signal, finite) : std::vector<std::int32_t>(finite.size(), 0);
    std::vector<Contribution> result;
    const std::size_t draws = counted.empty() ? 0 : schedules.size() / counted.size();
    for (std::size_t i = 0; i < counted.size(); ++i) {
        const auto member = static_cast<std::size_t>(counted[i]);
        const auto schedule = schedules.subspan(i * draws, draws);
        result.push_back({std::binary_search(survivors.begin(), survivors.end(), counted[i]),
                          advantage_credit && finite[member] != 0,
                          z[member],
                          {schedule.begin(), schedule.end()}});
    }
    return result;
}

void recount(Sampler& sampler, const ExplorationOptions& options, const CycleRow& row) {
    const std::vector<std::int32_t>& slots = row.survivor;
    const std::vector<std::int32_t> survivors(slots.begin(), std::find(slots.begin(), slots.end(), -1));
    const std::vector<std::int32_t> counted = counted_members(options, row.finite, survivors);
    const std::size_t draws = row.survivor_schedule.size() / slots.size();
    std::vector<std::uint32_t> schedules(counted.size() * draws);
    for (std::size_t i = 0; i < counted.size(); ++i) {
        const auto schedule = std::span(schedules).subspan(i * draws, draws);
        sampler.draw(static_cast<std::uint32_t>(counted[i]), row.cycle, static_cast<std::uint8_t>(row.attempt),
                     schedule);
        const auto slot = std::lower_bound(survivors.begin(), survivors.end(), counted[i]) - survivors.begin();
        if (slot == std::ssize(survivors) || survivors[static_cast<std::size_t>(slot)] != counted[i]) continue;
        const auto recorded = row.survivor_schedule.begin() + slot * static_cast<std::ptrdiff_t>(draws);
        if (options.kind == ExplorationKind::none) std::copy_n(recorded, draws, schedule.begin());
        VALIDATE(std::equal(schedule.begin(), schedule.end(), recorded,
                            [](std::uint32_t a, std::int32_t b) { return static_cast<std::int32_t>(a) == b; }),
                 ExitCode::checkpoint, "cycle ", row.cycle, ": the recorded sub-schedule of member ", counted[i],
                 " is not the one that its options draw (another version, or a damaged record?)");
    }
    std::vector<double> signal = row.reward_accuracy;
    if (options.credit_signal == CreditSignal::loss)
        std::transform(row.reward_loss.begin(), row.reward_loss.end(), signal.begin(), std::negate<>());
    sampler.count(row.cycle, contributions(options, signal, row.finite, survivors, counted, schedules));
    if (sampler.timetable().explores(row.cycle + 1)) sampler.adopt(sampler.estimate());
}

Sampler make_sampler(const Options& options, std::uint32_t training_images, std::uint32_t draws) {
    Sampler sampler(options.exploration, options.run.seed, training_images, draws,
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
    Sampler sampler = make_sampler(options, static_cast<std::uint32_t>(run.header.training_images),
                                   static_cast<std::uint32_t>(run.header.draws));
    for (const std::filesystem::path& segment : run.extent.segments)
        for (const CycleRow& row : read_segment(segment).cycles) {
            if (row.cycle >= cycles) return sampler;
            recount(sampler, options.exploration, row);
            if (after) after(row.cycle + 1, sampler);
        }
    return sampler;
}

} // namespace autosampling
