#include "autosampling/training/trainer.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/training/autocast.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/sgd.hpp"
#include "batch_score.hpp"
#include "device_evaluation.hpp"
#include "device_step.hpp"
#include "loss.hpp"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace autosampling {
namespace {

using at::Tensor;

// Of an evaluation's outputs, which are looked at together: on a GPU a look waits for all that was begun.
constexpr std::size_t bytes_a_look = 16 << 20;

} // namespace

struct Trainer::Impl {
    Impl(const TrainerOptions& given, const Dataset& dataset, const Split& given_split, const BatchLoader* shared)
        : options(given), split(given_split), classes(dataset.facts.classes),
          network(make_network(given.model, dataset.facts.shape, dataset.facts.outputs())), loss_scale(given.precision),
          state(*network, given.device, loss_scale.tensors()),
          learning_rate(given.training, narrow<std::int64_t>(given_split.training.source.size()), given.total_batches),
          training_set(dataset.training), test_set(dataset.test.rows > 0 ? dataset.test : dataset.training),
          loader(make_batch_loader(given.batches, dataset,
                                   std::max<std::int64_t>(given.training.batch_size, evaluation_batch), given.device,
                                   shared)) {
        EXPECT(given.training.batch_size % ranks() == 0);
        if (ranks() > 1 && given.synchronise_statistics) network->synchronise_statistics(*given.team);
        if (given.batches == Batches::host) return;
        const bool recorded = given.cuda_graphs && network->repeats();
        if (ranks() == 1)
            device_step = std::make_unique<DeviceStep>(*network, state, loss_scale, *loader, given.training,
                                                       given.precision, recorded);
        for (const HeldOut part : {HeldOut::reward, HeldOut::test})
            device_evaluation[part] = std::make_unique<DeviceEvaluation>(*network, *loader, evaluation_batch,
                                                                         given.device, precision_of(part), recorded);
    }

    Precision precision_of(HeldOut part) const {
        return part == HeldOut::reward ? options.reward_precision.value_or(options.precision) : options.precision;
    }

    // Of the team.
    int ranks() const { return options.team ? options.team->size() : 1; }
    int rank() const { return options.team ? options.team->rank() : 0; }

    // Lets the source read ahead what this rank trains on.
    void expect(std::span<const std::uint32_t> indices) {
        std::vector<std::uint32_t> rows;
        for (const std::uint32_t index : indices) rows.push_back(split.training.source[index]);
        training_set.source->expect(rows);
    }

    // The least and the greatest number of the state; a NaN anywhere makes both NaN.
    std::array<Tensor, 2> extremes() const {
        const auto [least, greatest] = at::aminmax(state.buffer());
        return {least, greatest};
    }
    // Looks only where the state may have changed since the last time. Waits for a GPU.
    bool is_finite() {
        if (!finite)
            finite =
                std::ranges::all_of(extremes(), [](const Tensor& one) { return std::isfinite(one.item<float>()); });
        return *finite;
    }

    Tensor outputs(const Tensor& examples) const { return network->forward(examples).to(at::kFloat); }

    // The loss of each draw, of what loss_of takes. -> (B) f32
    Tensor draw_losses(const Tensor& outputs, const Tensor& wanted) const {
        return loss_of(outputs, wanted, at::Reduction::None, options.training.label_smoothing);
    }

    // The loss of the batch of a cycle that begins at draw `first`; those of its draws go to `each` (B).
    Tensor batch_loss(const Tensor& outputs, const Tensor& wanted, const Weighting& weighting, std::size_t first,
                      const Tensor& each) const {
        if (weighting.weight.empty()) {
            each.copy_(draw_losses(outputs.detach(), wanted));
            return loss_of(outputs, wanted, at::Reduction::Mean, options.training.label_smoothing);
        }
        const Tensor losses = draw_losses(outputs, wanted);
        each.copy_(losses.detach());
        const Tensor host = each.to(at::kCPU); // on a CPU no copy
        const auto size = to_size(losses.numel());
        const auto weight = weighting.weight.subspan(first, size);
        weighting.reweigh({host.data_ptr<float>(), size}, weight);
        return (at::from_blob(weight.data(), losses.sizes(), at::kFloat).to(losses.device()) * losses).mean();
    }

    // `size` of the held-out examples that the loader has begun, from place `first` on.
    Evaluated evaluated(HeldOut part, std::size_t first, std::size_t size) const {
        if (const auto on_device = device_evaluation.find(part); on_device != device_evaluation.end())
            return on_device->second->run(first, size);
        const Batch batch = loader->batch(first, size);
        const Autocast autocast(precision_of(part), options.device.type());
        const Tensor found = outputs(batch.examples);
        // The next batch may overwrite what is wanted of this.
        return {found, loss_of(found, batch.wanted, at::Reduction::None), batch.wanted.clone()};
    }

    // Of the random numbers that a network draws for itself, as in dropout: in a cycle a function of its augmentation's
    // key and the rank's place in the team. The slots are the last ones, which no sub-schedule reaches.
    std::uint64_t network_seed(const RandomKey& key) const {
        RandomStream stream(key, ~narrow<std::uint32_t>(rank()));
        const std::uint64_t high = stream.bits(), low = stream.bits();
        return high << 32 | low;
    }

    // The next step of the cycle, on what the loader has begun. Returns whether it may go on.
    bool train_batch();
    void begin_on_device(const CycleTask& task);

    // Brings the scores of the batches that were evaluated since the last time to the host.
    void look();

    double rate(const CycleTask& task, std::int64_t step) const {
        return task.factors.learning_rate * learning_rate.at(task.first_batch + step);
    }
    double weight_decay(const CycleTask& task) const {
        return task.factors.weight_decay * options.training.weight_decay;
    }

    TrainerOptions options;
    const Split& split;
    int classes;
    std::shared_ptr<Network> network;
    LossScale loss_scale;
    FlatState state;
    LearningRate learning_rate;
    const ExampleSet& training_set;
    const ExampleSet& test_set;
    std::unique_ptr<BatchLoader> loader;
    // Where batches come to the device.
    std::unique_ptr<DeviceStep> device_step; // without a team
    std::map<HeldOut, std::unique_ptr<DeviceEvaluation>> device_evaluation;

    struct Cycle {
        CycleTask task;
        std::int64_t steps = 0, next = 0;
        bool on_device = false;  // by the device's own step
        Tensor losses = {};      // (steps) f32, of batches
        Tensor draw_losses = {}; // (K) f32; 0 after a stop, and for what other ranks of the team train on
    };
    std::optional<Cycle> cycle; // that was begun
    std::optional<bool> finite; // the state as it is now; none: nobody has looked
    // Of the evaluation that was begun.
    std::vector<Score> scores;
    std::vector<Evaluated> unseen; // batches on the device
};

bool Trainer::Impl::train_batch() {
    const CycleTask& task = cycle->task;
    const auto batch_size = to_size(options.training.batch_size);
    const std::size_t part = batch_size / to_size(ranks()); // of a batch, this rank's
    const std::size_t first = to_size(cycle->next) * batch_size + part * to_size(rank());
    const Batch batch = loader->batch(first, part);
    if (ranks() > 1) options.team->wait(); // for the step before: the device's queue must not fill up
    Tensor found;
    {
        const Autocast autocast(options.precision, options.device.type());
        found = outputs(batch.examples);
    }
    const Tensor loss =
        batch_loss(found, batch.wanted, task.weighting, first,
                   cycle->draw_losses.narrow(0, narrow<std::int64_t>(first), narrow<std::int64_t>(part)));
    cycle->losses[cycle->next].copy_(loss.detach());
    // On a GPU a look would stall every step; in a team the others would wait for this rank.
    if (loss.is_cpu() && ranks() == 1 && !std::isfinite(loss.item<float>())) return false;
    loss_scale.scaled(loss).backward();
    // Each rank's are of the mean loss over its part of the batch.
    if (ranks() > 1) options.team->mean(state.gradients());
    sgd_step(state, options.training, rate(task, cycle->next), weight_decay(task), loss_scale);
    return true;
}

void Trainer::Impl::begin_on_device(const CycleTask& task) {
    std::vector<float> rates(to_size(cycle->steps));
    for (std::size_t step = 0; step < rates.size(); ++step)
        rates[step] = static_cast<float>(rate(task, narrow<std::int64_t>(step)));
    device_step->begin({rates, static_cast<float>(weight_decay(task)), network_seed(task.augmentation)});
}

Trainer::Trainer(const TrainerOptions& options, const Dataset& dataset, const Split& split, const Trainer* other)
    : impl_(std::make_unique<Impl>(options, dataset, split, other ? other->impl_->loader.get() : nullptr)) {
    impl_->network->initialise(options.seed);
}
Trainer::~Trainer() = default;

FlatState& Trainer::state() {
    impl_->finite.reset(); // it may be written to
    return impl_->state;
}

void Trainer::load(const State& state) {
    const at::NoGradGuard no_grad;
    const Tensor& buffer = impl_->state.buffer();
    EXPECT(state.buffer().numel() == buffer.numel());
    impl_->finite.reset();
    buffer.copy_(state.buffer());
}

State Trainer::copy_state() const {
    const Tensor& buffer = impl_->state.buffer();
    return State::copy(buffer, buffer.device());
}

const LearningRate& Trainer::learning_rate() const {
    return impl_->learning_rate;
}

void Trainer::share(std::span<std::uint32_t> indices, CycleTask& task) {
    if (impl_->ranks() == 1) return;
    const TeamExchange& team = *impl_->options.team;
    team.share(indices);
    team.share(std::span(&task.augmentation, 1));
    team.share(std::span(&task.factors, 1));
    team.share(impl_->state.buffer());
}

void Trainer::start_training(const CycleTask& task) {
    Impl& p = *impl_;
    const std::size_t draws = task.indices.size(), batch_size = to_size(p.options.training.batch_size);
    EXPECT(draws > 0 && draws % batch_size == 0);
    EXPECT(p.ranks() == 1 || task.weighting.weight.empty());
    p.finite.reset();
    p.state.load_whole_numbers();
    p.network->train();
    p.expect(task.indices);
    p.loader->begin({p.training_set, p.split.training, task.indices, task.augmentation});
    p.cycle = {.task = task, .steps = narrow<std::int64_t>(draws / batch_size)};
    p.cycle->on_device = p.device_step && task.weighting.weight.empty();
    if (p.cycle->on_device) return p.begin_on_device(task);
    p.cycle->losses = at::zeros({p.cycle->steps}, at::TensorOptions(p.options.device));
    p.cycle->draw_losses = at::zeros({std::ssize(task.indices)}, at::TensorOptions(p.options.device));
    at::manual_seed(p.network_seed(task.augmentation));
}

bool Trainer::step() {
    Impl::Cycle& cycle = impl_->cycle.value();
    if (cycle.next == cycle.steps) return false;
    if (cycle.on_device)
        impl_->device_step->run();
    else if (!impl_->train_batch())
        cycle.next = cycle.steps - 1; // the last one
    return ++cycle.next < cycle.steps;
}

CycleResult Trainer::finish_training() {
    Impl& p = *impl_;
    Impl::Cycle cycle = *std::exchange(p.cycle, {});
    if (cycle.on_device) {
        cycle.draw_losses = p.device_step->losses();
        cycle.losses = cycle.draw_losses.view({cycle.steps, -1}).mean(1);
    }
    const Tensor whole_number = p.state.store_whole_numbers();
    if (p.ranks() > 1) {
        p.options.team->mean(cycle.losses);
        p.options.team->sum(cycle.draw_losses); // each draw's is 0 on all ranks but one
        p.options.team->share(p.state.buffer());
    }
    const auto [least, greatest] = p.extremes();
    // One copy, so that the host waits for a GPU once.
    const Tensor results =
        at::cat({cycle.losses, cycle.draw_losses, whole_number, least.view({1}), greatest.view({1})}).to(at::kCPU);
    const std::span<const float> values{results.data_ptr<float>(), to_size(results.numel())};
    FlatState::require_exact(values[values.size() - 3]);
    const auto draw_loss = values.subspan(to_size(cycle.steps), cycle.task.indices.size());
    const double train_loss = results.narrow(0, 0, cycle.steps).to(at::kDouble).mean().item<double>();
    p.finite = std::isfinite(values[values.size() - 2]) && std::isfinite(values.back());
    return {train_loss, std::isfinite(train_loss) && *p.finite, {draw_loss.begin(), draw_loss.end()}};
}

CycleResult Trainer::train(const CycleTask& task) {
    start_training(task);
    while (step()) {
    }
    return finish_training();
}

void Trainer::start_evaluation(HeldOut part, std::span<const std::uint32_t> examples, std::size_t first,
                               std::size_t stride) {
    Impl& p = *impl_;
    const bool test = part == HeldOut::test;
    const c10::InferenceMode inference;
    p.state.load_whole_numbers();
    p.network->eval();
    EXPECT(p.unseen.empty() && p.scores.empty());
    const bool finite = !p.options.device.is_cpu() || p.is_finite(); // a CPU's layers may lose a NaN (conv_relu)
    const std::size_t outputs_bytes = evaluation_batch * to_size(p.classes) * sizeof(float);
    const std::size_t batches_a_look = std::max<std::size_t>(16, bytes_a_look / outputs_bytes);
    p.loader->begin({test ? p.test_set : p.training_set, test ? p.split.test : p.split.reward, examples, {}});
    for (std::size_t number = first; number * evaluation_batch < examples.size(); number += stride) {
        if (p.unseen.size() == batches_a_look) p.look();
        const std::size_t begin = number * evaluation_batch;
        p.unseen.push_back(p.evaluated(part, begin, std::min(evaluation_batch, examples.size() - begin)));
        if (finite) continue;
        for (Tensor* each : {&p.unseen.back().outputs, &p.unseen.back().losses}) each->fill_(std::nan(""));
    }
    p.network->train(); // lets go of the weights that inference has made
}

void Trainer::Impl::look() {
    if (unseen.empty()) return;
    const auto on_host = [&](Tensor Evaluated::*which) {
        std::vector<Tensor> of_each;
        for (const Evaluated& batch : unseen) of_each.push_back(batch.*which);
        return at::cat(of_each).to(at::kCPU).split(evaluation_batch);
    };
    const auto outputs = on_host(&Evaluated::outputs), losses = on_host(&Evaluated::losses),
               wanted = on_host(&Evaluated::wanted);
    for (std::size_t i = 0; i < unseen.size(); ++i)
        scores.push_back(score_of(outputs[i], losses[i], wanted[i], to_size(classes)));
    unseen.clear();
}

std::vector<Score> Trainer::finish_evaluation() {
    const c10::InferenceMode inference;
    impl_->look();
    return std::exchange(impl_->scores, {});
}

std::vector<Score> Trainer::evaluate(HeldOut part, std::span<const std::uint32_t> examples, std::size_t first,
                                     std::size_t stride) {
    start_evaluation(part, examples, first, stride);
    return finish_evaluation();
}

Score Trainer::evaluate(HeldOut part, std::span<const std::uint32_t> examples) {
    Score sum(classes());
    for (const Score& score : evaluate(part, examples, 0, 1)) sum.add(score);
    return sum;
}

std::size_t Trainer::classes() const {
    return to_size(impl_->classes);
}

} // namespace autosampling
