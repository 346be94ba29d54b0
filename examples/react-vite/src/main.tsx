import { StreamEventsProvider } from '@flowfi/stream-events/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Dashboard } from './dashboard';
import { url } from './service';
import './style.css';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <StreamEventsProvider url={url} storage="session">
      <Dashboard />
    </StreamEventsProvider>
  </StrictMode>,
);
