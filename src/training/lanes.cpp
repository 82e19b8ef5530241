#include "autosampling/training/lanes.hpp"

#include "autosampling/base/error.hpp"

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace autosampling {
namespace {

void put_after(const c10::Stream& later, const c10::Stream& earlier) {
    if (earlier.device_type() == c10::DeviceType::CPU) return;
    c10::Event event(earlier.device_type());
    event.record(earlier);
    event.block(later);
}

} // namespace

Lanes::Lanes(const TrainerOptions& options, const Dataset& dataset, const Split& split, std::size_t count) {
    EXPECT(count >= 1 && (count == 1 || !options.team || options.team->size() == 1));
    const c10::impl::VirtualGuardImpl device(options.device.type());
    while (trainers_.size() < count) {
        streams_.push_back(trainers_.empty() ? device.getStream(options.device) : device.getNewStream(options.device));
        const c10::StreamGuard guard(streams_.back());
        const Trainer* first = trainers_.empty() ? nullptr : trainers_.front().get();
        trainers_.push_back(std::make_unique<Trainer>(options, dataset, split, first));
    }
}

void Lanes::for_each(std::size_t count, const std::function<void(std::size_t, Trainer&)>& work) const {
    for (std::size_t lane = 0; lane < count; ++lane) {
        const c10::StreamGuard guard(streams_.at(lane));
        work(lane, *trainers_[lane]);
    }
}

void Lanes::take_steps(std::size_t count) const {
    for (bool left = true; left;) {
        left = false;
        for_each(count, [&](std::size_t, Trainer& trainer) { left = trainer.step() || left; });
    }
}

void Lanes::fork() const {
    for (std::size_t lane = 1; lane < streams_.size(); ++lane) put_after(streams_[lane], streams_.front());
}

void Lanes::join() const {
    for (std::size_t lane = 1; lane < streams_.size(); ++lane) put_after(streams_.front(), streams_[lane]);
}

} // namespace autosampling
